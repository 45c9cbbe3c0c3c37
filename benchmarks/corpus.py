"""The default corpus: news-like text of invented words, with near-duplicates of every degree.

About 100 MB in 31,000 documents: log-normal lengths, topics with words of their own, names that
recur inside a document, stock phrases that recur across documents, and the header and footer of one
of forty sites. One document in eight has a family: copies, retouched, syndicated, updated, cut and
reordered versions (``benchmarks.edits``), so that true pairs lie at every Jaccard from 0.4 to 1. A
corpus is a function of the seed, the size and the numpy version alone.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.edits import edit
from benchmarks.vocabulary import COMMA, PARAGRAPH, PLAIN, STOP, Vocabulary, make_vocabulary

TOPICS = 200
TOPIC_WORDS = 400
PHRASES = 3_000
SITES = 40
MEDIAN_WORDS = 320
SPREAD = 0.75  # of the logarithm of the length
FAMILY_SHARE = 1 / 8


class Writer:
    """Writes documents one after the other; all of its choices come from one generator.

    Parameters
    ----------
    seed : of the vocabulary, topics, phrases and sites as well as of the documents.
    """

    def __init__(self, seed: int) -> None:
        self.vocabulary: Vocabulary = make_vocabulary(seed)
        self.rng = np.random.default_rng([seed, 1])
        size = len(self.vocabulary.cumulative)
        self.topics = (200 + (size - 200) * self.rng.random((TOPICS, TOPIC_WORDS)) ** 3).astype(
            np.int64
        )
        self.phrases = [
            self.vocabulary.draw(self.rng, n) for n in self.rng.integers(4, 15, PHRASES)
        ]
        self.headers = [self.prose(int(n), names=0) for n in self.rng.integers(4, 16, SITES)]
        self.footers = [self.prose(int(n), names=0) for n in self.rng.integers(15, 90, SITES)]

    def prose(self, count: int, names: int = 8) -> str:
        """Write ``count`` words of one topic, in sentences and paragraphs."""
        rng = self.rng
        ranks = self.vocabulary.draw(rng, count)
        choice = rng.random(count)
        topic = self.topics[rng.integers(0, TOPICS)]
        own = choice < 0.22
        # Squaring makes a topic's first words its commonest.
        ranks[own] = topic[(rng.random(int(own.sum())) ** 2 * TOPIC_WORDS).astype(np.int64)]
        named = choice > 0.96
        if names:
            cast = rng.integers(3_000, len(self.vocabulary.cumulative), names)
            ranks[named] = cast[rng.integers(0, names, int(named.sum()))]
        for start in rng.integers(0, count, count // 70):
            phrase = self.phrases[int(rng.random() ** 3 * PHRASES)][: count - start]
            ranks[start : start + len(phrase)] = phrase
        return self.punctuate(ranks, named if names else np.zeros(count, dtype=bool))

    def punctuate(self, ranks: NDArray[np.int64], named: NDArray[np.bool_]) -> str:
        """Spell ranks out as sentences of about 19 words, paragraphs of about three sentences."""
        rng, count = self.rng, len(ranks)
        endings = np.where(rng.random(count) < 0.06, COMMA, PLAIN)
        lengths = np.maximum(3, rng.gamma(5.0, 3.8, count // 3 + 2)).astype(np.int64)
        stops = np.cumsum(lengths) - 1
        stops = stops[stops < count - 1]
        endings[stops] = np.where(rng.random(len(stops)) < 0.3, PARAGRAPH, STOP)
        endings[-1] = PARAGRAPH
        capital = named.copy()
        capital[0] = True
        capital[stops + 1] = True
        return "".join(self.vocabulary.forms[capital.astype(np.int64), endings, ranks].tolist())

    def document(self) -> str:
        """Write one document: a site's header, its own prose, the site's footer."""
        count = max(1, int(self.rng.lognormal(np.log(MEDIAN_WORDS), SPREAD)))
        body = self.prose(count)
        if self.rng.random() < 0.3:
            return body
        site = int(self.rng.integers(0, SITES))
        return self.headers[site] + body + self.footers[site]

    def family(self) -> Iterator[str]:
        """Write one document and versions of it; mostly one or two, sometimes a dozen."""
        original = self.document()
        yield original
        versions = [original]
        for _ in range(min(12, int(self.rng.geometric(0.55)))):
            # A version of a version now and then: families drift.
            source = (
                versions[int(self.rng.integers(0, len(versions)))]
                if self.rng.random() < 0.3
                else original
            )
            versions.append(edit(source, self.rng, fresh=self.prose, footers=self.footers))
            yield versions[-1]


def texts(seed: int, size_bytes: int) -> list[str]:
    """Write documents until they hold ``size_bytes`` of UTF-8, in random order."""
    writer = Writer(seed)
    documents: list[str] = []
    written = 0
    while written < size_bytes:
        in_family = writer.rng.random() < FAMILY_SHARE / 2.5
        for text in writer.family() if in_family else (writer.document(),):
            documents.append(text)
            written += len(text.encode())
    return [documents[i] for i in writer.rng.permutation(len(documents))]


def write_corpus(path: Path, seed: int, size_bytes: int) -> None:
    """Write a corpus of about ``size_bytes`` of text as Parquet (id, text)."""
    documents = texts(seed, size_bytes)
    names = [f"doc-{i:07d}" for i in range(len(documents))]
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    pq.write_table(
        pa.table({"id": names, "text": documents}),
        unfinished,
        row_group_size=4096,
        compression="zstd",
    )
    unfinished.replace(path)
