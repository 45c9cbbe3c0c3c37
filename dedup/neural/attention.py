"""Attention among near keys only: they share a bucket of the rotation hash.

Queries and keys are one (shared query-key attention); a key is its query scaled to length 1. In a
hash round every position falls in the bucket argmax [xR; -xR] of a random R. The positions of a
bucket stand in their order, are cut into chunks of one length, and each attends to its own chunk
and the one before it in the bucket. Several rounds are added up; a pair that meets in several of
them counts once. So all costs grow with the length times the chunk.

The Reformer cuts all sorted positions, whatever their bucket, into chunks: then where a chunk ends
depends on the buckets of later positions. Chunks here are cut inside buckets, so that under
`causal` nothing of the future reaches the past, at the price of chunks that are not full.

References
----------
Kitaev, Kaiser, Levskaya (2020), Reformer: the efficient transformer, sections 2 and 3.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from dedup.errors import ConfigError

_OTHERS = -1e9
"""Logit of what must not be attended to."""

_ITSELF = -5e4
"""Logit of a position's own key: with shared queries it would win; taken where nothing else is."""

_APART = 1 << 32
"""Between the chunk numbers of two buckets; more chunks than a bucket has."""


class LSHAttention(nn.Module):
    """Shared query-key attention by locality-sensitive hashing; it has no weights of its own.

    Parameters
    ----------
    bucket_size : positions of a chunk; buckets are as many as make them this large on average.
    n_hashes : rounds. The error falls, and the time grows, with their number.
    causal : whether a position sees only itself and those before it.
    num_buckets : of a round, even or 1, whatever the length; by `bucket_size` if not given.
    seed : of the rotations; they are the same in every call.
    """

    def __init__(
        self,
        bucket_size: int = 64,
        n_hashes: int = 4,
        *,
        causal: bool = False,
        num_buckets: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        for name, value in (("bucket_size", bucket_size), ("n_hashes", n_hashes)):
            if value < 1:
                raise ConfigError(f"{name} is {value}; give a whole number of at least 1.")
        if num_buckets is not None and num_buckets != 1 and (num_buckets < 2 or num_buckets % 2):
            raise ConfigError(f"num_buckets is {num_buckets}; give an even number, or 1.")
        self.bucket_size, self.n_hashes = bucket_size, n_hashes
        self.causal, self.num_buckets, self.seed = causal, num_buckets, seed

    def forward(self, qk: Tensor, v: Tensor) -> Tensor:
        """Attend.

        Parameters
        ----------
        qk : shape (..., length, dim); queries, which are also the keys.
        v : shape (..., length, dim of values).

        Returns
        -------
        Shape of `v`.
        """
        length = qk.shape[-2]
        queries, values = qk.reshape(-1, *qk.shape[-2:]), v.reshape(-1, *v.shape[-2:])
        count = self.num_buckets or 2 * max(1, -(-length // (2 * self.bucket_size)))
        if length <= self.bucket_size and self.num_buckets is None:
            count = 1
        rounds = [
            _Round(buckets, count, self.bucket_size)
            for buckets in self._buckets(queries.detach(), count)
        ]
        outputs, weights = zip(
            *(self._attend(queries, values, one, rounds) for one in rounds), strict=True
        )
        share = torch.stack(weights).softmax(dim=0)
        found: Tensor = (torch.stack(outputs) * share[..., None]).sum(dim=0)
        return found.reshape(v.shape)

    def _buckets(self, vectors: Tensor, count: int) -> list[Tensor]:
        """Return each round's bucket of each position; int64, shape (batch, length)."""
        if count == 1:
            return [torch.zeros(vectors.shape[:2], dtype=torch.int64, device=vectors.device)]
        random = torch.Generator().manual_seed(self.seed)
        shape = (self.n_hashes, vectors.shape[-1], count // 2)
        rotations = torch.randn(shape, generator=random).to(vectors)
        found = []
        for rotation in rotations:
            sides = vectors @ rotation
            found.append(torch.cat([sides, -sides], dim=-1).argmax(dim=-1))
        return found

    def _attend(
        self, queries: Tensor, values: Tensor, one: _Round, rounds: list[_Round]
    ) -> tuple[Tensor, Tensor]:
        """Return what one round attends to, and the logarithm of its total weight."""
        batch, _length, dim = queries.shape
        keys = functional.normalize(queries, dim=-1)
        asks, offers = one.asking, one.offered
        logits = _rows(queries, asks) @ _rows(keys, offers).transpose(-1, -2) / dim**0.5
        own, other = asks[..., :, None], offers[..., None, :]
        meetings = torch.zeros_like(logits)
        for each in rounds:
            apart = _rows(each.place, asks)[..., :, None] - _rows(each.place, offers)[..., None, :]
            meets = (apart == 0) | (apart == 1)
            meetings += meets
            if each is one:
                allowed = meets & (other >= 0) & (own >= 0)
        logits = logits - meetings.clamp(min=1).log()
        logits = logits.masked_fill(own == other, _ITSELF)
        if self.causal:
            allowed = allowed & (other <= own)
        logits = logits.masked_fill(~allowed, _OTHERS)
        weight = logits.logsumexp(dim=-1)
        attended = (logits - weight[..., None]).exp() @ _rows(values, offers)
        slots = one.slots
        back = attended.reshape(batch, -1, values.shape[-1])
        found = back.gather(1, slots[..., None].expand(-1, -1, values.shape[-1]))
        return found, weight.reshape(batch, -1).gather(1, slots)


class _Round:
    """Where the positions stand in one round.

    Attributes
    ----------
    slots : int64, shape (batch, length); the place of each position among the chunks.
    asking : int64, shape (batch, chunks, size); the position in each place, -1 where none is.
    offered : int64, shape (batch, chunks, 2 * size); the same of the chunk before and the chunk.
    place : int64, shape (batch, length); equal for positions of one chunk, one more for those of
        the next chunk of the bucket, and far off for other buckets.
    """

    def __init__(self, buckets: Tensor, count: int, size: int) -> None:
        batch, length = buckets.shape
        positions = torch.arange(length, device=buckets.device)
        order = buckets.argsort(dim=1, stable=True)
        members = torch.zeros(batch, count, dtype=torch.int64, device=buckets.device)
        members.scatter_add_(1, buckets, torch.ones_like(buckets))
        chunks = -(-members // size)
        first_member = members.cumsum(1) - members
        first_chunk = chunks.cumsum(1) - chunks
        in_order = buckets.gather(1, order)
        rank = positions - first_member.gather(1, in_order)
        slot = first_chunk.gather(1, in_order) * size + rank
        self.slots = torch.empty_like(slot).scatter_(1, order, slot)
        self.place = torch.empty_like(slot).scatter_(1, order, in_order * _APART + rank // size)
        most = length // size + count
        asking = torch.full((batch, most * size), -1, device=buckets.device)
        self.asking = asking.scatter_(1, slot, order).reshape(batch, most, size)
        before = torch.cat([torch.full_like(self.asking[:, :1], -1), self.asking[:, :-1]], dim=1)
        self.offered = torch.cat([before, self.asking], dim=2)


def _rows(values: Tensor, places: Tensor) -> Tensor:
    """Return values[batch, place]; anything where the place is -1."""
    flat = places.clamp(min=0).flatten(1)
    if values.ndim == 2:
        return values.gather(1, flat).reshape(places.shape)
    wide = flat[..., None].expand(-1, -1, values.shape[-1])
    return values.gather(1, wide).reshape(*places.shape, values.shape[-1])


def full_attention(qk: Tensor, v: Tensor, *, causal: bool = False) -> Tensor:
    """Attend to all: what `LSHAttention` comes near to; time and memory grow quadratically.

    Parameters
    ----------
    qk, v : as for `LSHAttention`.
    """
    logits = qk @ functional.normalize(qk, dim=-1).transpose(-1, -2) / qk.shape[-1] ** 0.5
    length = qk.shape[-2]
    itself = torch.eye(length, dtype=torch.bool, device=qk.device)
    logits = logits.masked_fill(itself, _ITSELF)
    if causal:
        future = torch.ones(length, length, dtype=torch.bool, device=qk.device).triu(1)
        logits = logits.masked_fill(future, _OTHERS)
    attended: Tensor = logits.softmax(dim=-1) @ v
    return attended
