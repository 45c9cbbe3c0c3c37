"""Features of a vector's direction: the buckets that random projections put it in."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from dedup.errors import ConfigError

CASCADE = (1, 2, 4, 8, 12, 16, 20)
"""Resolutions that together see coarse and fine differences of direction."""


class CosineVectorEmbedding(nn.Module):
    """Sum learned embeddings of the buckets that a vector's direction falls in.

    The vector is scaled to length 1 and projected on fixed random unit directions. Each projection,
    a cosine in [-1, 1], is placed on a grid of `num_bins` points, the middles of as many equal
    parts; so it has one of ``num_bins + 1`` values. Each value of each direction has an embedding,
    and those of one vector are summed. One bin parts at 0: random hyperplanes, as in
    `dedup.vectors`.

    Several resolutions are a cascade: their sums are added up.

    Gradients reach the embeddings, not the vector: a bucket is a step.

    Parameters
    ----------
    inp_dim, emb_dim : of the vectors, and of what comes out.
    n_proj : directions, for each resolution.
    num_bins : one resolution, or several, such as `CASCADE`.
    seed : of the directions.

    References
    ----------
    Charikar (2002), Similarity estimation techniques from rounding algorithms (one bin).
    """

    def __init__(
        self,
        inp_dim: int,
        emb_dim: int,
        n_proj: int = 16,
        num_bins: int | Sequence[int] = 20,
        *,
        seed: int = 0,
    ) -> None:
        super().__init__()
        bins = [num_bins] if isinstance(num_bins, int) else list(num_bins)
        for name, least in (("inp_dim", inp_dim), ("emb_dim", emb_dim), ("n_proj", n_proj)):
            if least < 1:
                raise ConfigError(f"{name} is {least}; give a whole number of at least 1.")
        if not bins or min(bins) < 1:
            raise ConfigError(f"num_bins is {num_bins!r}; give whole numbers of at least 1.")
        self.num_bins = bins
        self.n_proj = n_proj
        random = torch.Generator().manual_seed(seed)
        drawn = torch.randn(inp_dim, len(bins) * n_proj, generator=random)
        self.register_buffer("directions", functional.normalize(drawn, dim=0))
        first = 0
        offsets = []
        for number, count in enumerate(bins):
            middles = (torch.arange(count) + 0.5) * (2 / count) - 1
            self.register_buffer(f"grid_{number}", middles)
            offsets.append(first + torch.arange(n_proj) * (count + 1))
            first += n_proj * (count + 1)
        self.register_buffer("offsets", torch.cat(offsets))
        self.bag = nn.EmbeddingBag(first, emb_dim, mode="sum")
        # A sum of many unit normals would be large: keep what comes out near unit variance.
        nn.init.normal_(self.bag.weight, std=(len(bins) * n_proj) ** -0.5)

    def buckets(self, vectors: Tensor) -> Tensor:
        """Return the bag's rows; int64, shape (..., resolutions * n_proj)."""
        cosines = functional.normalize(vectors, dim=-1) @ self.directions
        parts = cosines.detach().split(self.n_proj, dim=-1)
        found = [
            torch.bucketize(part.contiguous(), getattr(self, f"grid_{number}"))
            for number, part in enumerate(parts)
        ]
        return torch.cat(found, dim=-1) + self.offsets

    def forward(self, vectors: Tensor) -> Tensor:
        """Return features, shape (..., emb_dim), of vectors, shape (..., inp_dim)."""
        rows = self.buckets(vectors)
        summed: Tensor = self.bag(rows.reshape(-1, rows.shape[-1]))
        return summed.reshape(*vectors.shape[:-1], summed.shape[-1])
