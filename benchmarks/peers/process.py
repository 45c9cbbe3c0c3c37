"""What the peers' processes share: reading documents, choosing bands, writing pairs."""

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from math import ceil, log
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

Positions = tuple[int, int]
Signature = TypeVar("Signature")


@dataclass(frozen=True)
class Work:
    """One peer's task, as its process gets it.

    Attributes
    ----------
    corpus : a Parquet file.
    out : a folder for results and scratch files, made empty for this run.
    text_column, id_column : columns of the corpus.
    threshold : the least Jaccard of a pair.
    """

    corpus: Path
    out: Path
    text_column: str
    id_column: str
    threshold: float

    def texts(self) -> list[str]:
        """Read all documents."""
        return [
            text or ""
            for text in pq.read_table(self.corpus, columns=[self.text_column])[0].to_pylist()
        ]


def in_parallel(work: Work, sketch: Callable[[list[str]], list[Signature]]) -> list[Signature]:
    """Apply ``sketch`` to all documents, in order, by a process a core that reads its own part.

    A part is a row group, or a slice of one where the corpus has too few of them for the cores.
    """
    cores = os.cpu_count() or 1
    row_groups = pq.ParquetFile(work.corpus).metadata.num_row_groups
    slices = -(-2 * cores // row_groups)
    parts = [
        (work, sketch, group, place, slices)
        for group in range(row_groups)
        for place in range(slices)
    ]
    with multiprocessing.get_context("spawn").Pool(cores) as pool:
        return list(chain.from_iterable(pool.starmap(sketch_part, parts, chunksize=1)))


def sketch_part(
    work: Work, sketch: Callable[[list[str]], list[Signature]], group: int, place: int, slices: int
) -> list[Signature]:
    """Read one part in a worker and sketch it."""
    column = pq.ParquetFile(work.corpus).read_row_group(group, columns=[work.text_column])[0]
    first, stop = (len(column) * edge // slices for edge in (place, place + 1))
    return sketch([text or "" for text in column.slice(first, stop - first).to_pylist()])


def bands_of_128(threshold: float) -> tuple[int, int]:
    """Return bands and rows out of 128 hashes: the most rows that still find 94 % at the threshold.

    At 0.8 these are 16 bands of 8 rows.
    """
    rows = max(r for r in range(1, 33) if r == 1 or 1 - (1 - threshold**r) ** (128 // r) >= 0.94)
    return 128 // rows, rows


def bands_for_recall(threshold: float, recall: float = 0.99) -> tuple[int, int]:
    """Return as many bands, of the rows that ``bands_of_128`` chooses, as the recall asks for.

    At 0.8 these are 26 bands of 8 rows.
    """
    rows = bands_of_128(threshold)[1]
    return ceil(log(1 - recall) / log(1 - threshold**rows)), rows


def pairs_of_groups(groups: Iterable[list[int]]) -> Iterator[Positions]:
    """Yield every pair inside each group."""
    for group in groups:
        for place, left in enumerate(group):
            for right in group[place + 1 :]:
                yield left, right


def main(find_pairs: Callable[[Work], Iterable[Positions]]) -> None:
    """Run a peer with the arguments of ``Peer.command``; its result is ``pairs.parquet``."""
    corpus, out, text_column, id_column, threshold = sys.argv[1:]
    work = Work(Path(corpus), Path(out), text_column, id_column, float(threshold))
    work.out.mkdir(parents=True)
    pairs = list(find_pairs(work))
    ids = pq.read_table(work.corpus, columns=[id_column])[0].combine_chunks()
    left = ids.take(pa.array([pair[0] for pair in pairs], pa.int64()))
    right = ids.take(pa.array([pair[1] for pair in pairs], pa.int64()))
    pq.write_table(pa.table({"left_id": left, "right_id": right}), work.out / "pairs.parquet")
