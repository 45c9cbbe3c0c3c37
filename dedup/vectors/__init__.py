"""Near-duplicates among embedding vectors: the same search, with hash functions for vectors."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from dedup.errors import ConfigError
from dedup.vectors.config import VectorConfig

if TYPE_CHECKING:
    from dedup.check import Check
    from dedup.vectors.find import VectorResult
    from dedup.vectors.index.index import VectorIndex

__all__ = ["VectorConfig", "VectorIndex", "find_duplicates"]


def __getattr__(name: str) -> Any:
    # It loads numpy and Arrow, which a command line may never need.
    if name == "VectorIndex":
        from dedup.vectors.index.index import VectorIndex

        return VectorIndex
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def find_duplicates(
    data: Any,
    *,
    vector: str = VectorConfig.vector,
    id: str | None = None,
    check: Check | None = None,
    **options: Any,
) -> VectorResult:
    """Find the near-duplicates among vectors.

    Parameters
    ----------
    data : a numpy array of shape (vectors, dim); a pyarrow Table, or anything with
        ``__arrow_c_stream__``; or paths of Parquet, Arrow or ``.npy`` files.
    vector, id : columns of the vectors (lists of one size, of float16, 32 or 64) and of the ids;
        the id defaults to a column ``id``, else to positions.
    check : a function that looks at verified pairs as well, and may reject them; see `dedup.Check`.
    **options : the fields of `VectorConfig`, such as ``measure="cosine"`` and ``threshold=0.95``.

    Returns
    -------
    A result with ``clusters``, ``pairs``, ``summary`` and ``write``, as of `dedup.find_duplicates`;
    the tables have ``similarity``, or by Euclidean distance ``distance``, for ``jaccard``.

    Raises
    ------
    ConfigError, InputError : each says what is wrong and what would mend it.
    """
    config = vector_config(vector=vector, id=id, **options)
    from dedup.vectors.find import find_vectors

    return find_vectors(data, config, check)


def vector_config(*, vector: str, id: str | None, **options: Any) -> VectorConfig:
    """Return the parameters that keywords give.

    Raises
    ------
    ConfigError : one is unknown, or makes no sense.
    """
    known = [option.name for option in fields(VectorConfig)]
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ConfigError(f"there is no option {unknown[0]!r}; the options are {', '.join(known)}.")
    if id is not None:
        options.setdefault("id_column", id)
    return VectorConfig(vector=vector, **options)
