"""text-dedup: its MinHash command, with its own words and shingles; clusters as pairs.

The published version verifies nothing: its answer is the components of the documents that share a
band, and its pairs are those inside a component. xxh3 stands for its default SHA-1, as its help
advises for speed.
"""

import os
import pickle
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator

from benchmarks.peers.process import Positions, Work, bands_of_128, main, pairs_of_groups


def find_pairs(work: Work) -> Iterator[Positions]:
    """Run the command with a cache of its own, and read its union-find."""
    bands, rows = bands_of_128(work.threshold)
    result = work.out / "result"
    command = [
        *(sys.executable, "-m", "text_dedup.minhash", "--path", "parquet", "--split", "train"),
        *("--data_files", str(work.corpus.resolve()), "--cache_dir", str(work.out / "cache")),
        *("--output", str(result), "--column", work.text_column, "--debug"),
        *("--ngram", "5", "--min_length", "1", "--num_perm", str(bands * rows)),
        *("--threshold", str(work.threshold), "--b", str(bands), "--r", str(rows)),
        *("--hash_func", "xxh3", "--num_proc", str(os.cpu_count()), "--batch_size", "10000"),
    ]
    environment = {**os.environ, "HF_DATASETS_CACHE": str(work.out / "cache")}
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    components = pickle.loads((result / "uf.pkl").read_bytes())
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for document in list(components.parent):
        groups[components.find(document)].append(document)
    yield from pairs_of_groups(groups.values())


if __name__ == "__main__":
    main(find_pairs)
