"""datatrove: its MinHash pipeline of three executors with our words; clusters as pairs.

It splits its work by files, so the corpus is first cut into one file for each core. It verifies
nothing: its answer is the components of the documents that share a band, and its pairs are those
inside a component.
"""

import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup.minhash import (
    MinhashConfig,
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupSignature,
)
from datatrove.pipeline.readers import ParquetReader
from datatrove.utils.text import TextNormConfig
from datatrove.utils.word_tokenizers import WordTokenizer

from benchmarks.peers.process import Positions, Work, bands_of_128, main, pairs_of_groups
from benchmarks.shingles import find_words

CORES = os.cpu_count() or 1


class OurWords(WordTokenizer):  # type: ignore[misc]  # datatrove ships no types
    """Our words, through the interface that datatrove has for tokenisers."""

    def word_tokenize(self, text: str) -> list[str]:
        """Return the words; the text is lower-case already."""
        return find_words(text)

    def sent_tokenize(self, text: str) -> list[str]:
        """Return the text as one sentence; not used here."""
        return [text]

    def span_tokenize(self, text: str) -> list[tuple[int, int]]:
        """Return the text as one span; not used here."""
        return [(0, len(text))]


def split(work: Work, folder: Path) -> list[list[int]]:
    """Cut the corpus into a file for each core, and return the positions that each holds.

    datatrove's reader passes over empty documents without counting them, so they are left out.
    """
    folder.mkdir()
    table = pq.read_table(work.corpus, columns=[work.text_column]).rename_columns(["text"])
    table = table.append_column("id", pa.array(map(str, range(len(table)))))
    kept = table.filter(pc.greater(pc.binary_length(table["text"]), 0))
    size = -(-len(kept) // CORES)
    parts = [kept.slice(start, size) for start in range(0, len(kept), size)]
    for rank, part in enumerate(parts):
        pq.write_table(part, folder / f"{rank:05d}.parquet", compression="none")
    return [[int(position) for position in part["id"].to_pylist()] for part in parts]


def find_pairs(work: Work) -> Iterator[Positions]:
    """Run the three stages and read the clusters."""
    bands, rows = bands_of_128(work.threshold)
    plain = TextNormConfig(
        norm_whitespace=False,
        remove_punctuation=False,
        norm_unicode_diacritics=False,
        norm_numbers=False,
    )
    config = MinhashConfig(n_grams=5, num_buckets=bands, hashes_per_bucket=rows, norm_config=plain)
    positions = split(work, work.out / "parts")
    signatures, buckets, clusters = (
        str(work.out / name) for name in ("signatures", "buckets", "clusters")
    )
    reader = ParquetReader(str(work.out / "parts"), read_metadata=False)
    stages = (
        ([reader, MinhashDedupSignature(signatures, config, language=OurWords())], len(positions)),
        ([MinhashDedupBuckets(signatures, buckets, config=config)], bands),
        ([MinhashDedupCluster(buckets, clusters, config, save_cluster_id=True)], 1),
    )
    for number, (steps, tasks) in enumerate(stages):
        logs = str(work.out / f"logs-{number}")
        LocalPipelineExecutor(steps, tasks=tasks, workers=CORES, logging_dir=logs).run()
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for file in sorted(Path(clusters).glob("*.clusters")):
        for document, cluster in np.fromfile(file, dtype="<u4").reshape(-1, 2).tolist():
            groups[cluster].append(positions[int(file.stem)][document])
    yield from pairs_of_groups(groups.values())


if __name__ == "__main__":
    main(find_pairs)
