"""Layers made of locality-sensitive hashing, for PyTorch; extra ``torch``.

- `CosineVectorEmbedding`: vectors turned into features by the buckets that they fall in.
- `LSHAttention`: attention among the positions of one bucket.
"""

from dedup.errors import MissingExtraError

try:
    import torch  # noqa: F401
except ImportError as error:
    raise MissingExtraError(
        "dedup.neural needs PyTorch; install it with: pip install 'dedup-lsh[torch]'"
    ) from error

from dedup.neural.attention import LSHAttention, full_attention
from dedup.neural.embedding import CosineVectorEmbedding

__all__ = ["CosineVectorEmbedding", "LSHAttention", "full_attention"]
