"""gaoya: its own tokeniser, shingles, MinHash, index and threads, all in Rust.

The bands are those that gaoya's own rule asks for, recall 0.99 at the threshold; its queries keep
what is at the threshold by the signatures' estimate. Hashes of 32 bits and the "smallvec" container
were its best here.
"""

from collections.abc import Iterator

from gaoya.minhash import MinHashStringIndex

from benchmarks.peers.process import Positions, Work, bands_for_recall, main


def find_pairs(work: Work) -> Iterator[Positions]:
    """Insert all documents in one call, query all in one call."""
    texts = work.texts()
    bands, rows = bands_for_recall(work.threshold)
    index = MinHashStringIndex(
        hash_size=32,
        jaccard_threshold=work.threshold,
        num_bands=bands,
        band_size=rows,
        analyzer="word",
        lowercase=True,
        ngram_range=(5, 5),
        id_container="smallvec",
    )
    index.par_bulk_insert_docs(list(range(len(texts))), texts)
    for left, neighbours in enumerate(index.par_bulk_query(texts)):
        for right in neighbours:
            if left < right:
                yield left, right


if __name__ == "__main__":
    main(find_pairs)
