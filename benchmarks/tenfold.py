"""A corpus ten times over, in which no copy of a document is a duplicate of another copy.

In copy c every twelfth word is the digit c: of the shingles of two copies, five in twelve differ,
so their Jaccard is 0.41. The file is read ten times, a batch at a time; nothing else is in memory.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

COPIES = 10  # a digit each
EVERY = 12  # words
ROWS = 4_096  # of a batch and of a row group


def renumbered(texts: pa.StringArray, copy: int) -> pa.StringArray:
    """Return the texts with the digit ``copy`` for every twelfth word, counted in each by itself.

    A word is a run of bytes above the blank, so controls part words and other white space does not.
    """
    if not 0 <= copy < COPIES:
        raise ValueError(f"copy is {copy}; it is written as one digit, 0 to {COPIES - 1}.")
    plain = pa.concat_arrays([texts.fill_null("")])  # whole buffers, without an offset
    _, offsets, data = plain.buffers()
    borders = np.frombuffer(offsets, dtype=np.int32)[: len(plain) + 1]
    text = np.frombuffer(data or b"", dtype=np.uint8)[: borders[-1]].copy()
    inside = np.zeros(len(text) + 1, dtype=np.bool_)
    inside[:-1] = text > ord(" ")
    # A text's first byte starts a word, whatever ends the text before it.
    before = np.roll(inside, 1)
    before[borders] = False
    starts = np.flatnonzero(inside & ~before)
    after = np.roll(inside, -1)
    after[borders[1:] - 1] = False
    ends = np.flatnonzero(inside & ~after) + 1
    first = np.searchsorted(starts, borders)
    place = np.arange(len(starts)) - np.repeat(first[:-1], np.diff(first))
    chosen = place % EVERY == EVERY - 1
    text[starts[chosen]] = ord("0") + copy
    # What follows the first byte of a chosen word goes.
    change = np.zeros(len(text) + 1, dtype=np.int8)
    change[starts[chosen] + 1] += 1
    change[ends[chosen]] -= 1
    kept = np.cumsum(change[:-1], dtype=np.int8) == 0
    lengths = np.concatenate([[0], np.cumsum(kept)])
    return pa.StringArray.from_buffers(
        len(plain), pa.py_buffer(lengths[borders].astype(np.int32)), pa.py_buffer(text[kept])
    )


def copied_ids(ids: pa.Array, copy: int, stride: int) -> pa.Array:
    """Return the ids of a copy, distinct from those of the others: c-id, or id + c * stride."""
    if pa.types.is_integer(ids.type):
        return pc.add(ids.cast(pa.int64()), copy * stride)
    return pc.binary_join_element_wise(str(copy), ids.cast(pa.string()), "-")


def write_tenfold(corpus: Path, path: Path) -> None:
    """Write a Parquet corpus (id, text) ten times, one copy after the other."""
    source = pq.ParquetFile(corpus)
    kind = pa.int64() if pa.types.is_integer(source.schema_arrow.field("id").type) else pa.string()
    stride = id_stride(source) if kind == pa.int64() else 0
    schema = pa.schema({"id": kind, "text": pa.string()})
    unfinished = path.with_suffix(".unfinished")
    with pq.ParquetWriter(unfinished, schema, compression="zstd", use_dictionary=False) as file:
        for copy in range(COPIES):
            for batch in batches(source, ["id", "text"]):
                texts = renumbered(batch["text"].cast(pa.string()), copy)
                ids = copied_ids(batch["id"], copy, stride)
                file.write_batch(pa.record_batch([ids, texts], schema=schema), row_group_size=ROWS)
    unfinished.replace(path)


def id_stride(source: pq.ParquetFile) -> int:
    """Return how far apart the copies' whole-number ids have to lie."""
    ends = [pc.min_max(batch["id"]).as_py() for batch in batches(source, ["id"])]
    lows, highs = ([end[name] for end in ends if end[name] is not None] for name in ("min", "max"))
    return max(highs, default=0) - min(lows, default=0) + 1


def batches(source: pq.ParquetFile, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """Read a file batch after batch, row group after row group."""
    for group in range(source.num_row_groups):
        yield from source.iter_batches(ROWS, row_groups=[group], columns=columns)
