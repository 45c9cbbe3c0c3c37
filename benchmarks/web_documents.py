"""Short documents as a web crawl has them, each a function of (seed, its number) and nothing else.

About 60 words each: the header and footer of a site around a body of log-normal length. One in
eight is a copy of an earlier one, exact or edited. Every random number is that of a counter
(SplitMix64), so a document far away is written again without the ones between: nothing is held in
memory, batches do not matter, and a small corpus is the beginning of every larger one.

A document is a row of seven runs of words: header, then body, fresh words, body, a fresh word and
body again, footer. A run is the words first, first + 1... of a stream, and a stream is a key: a
site's, the document's own, or that of the document that is copied.

References
----------
Steele, Lea and Flood (2014), Fast splittable pseudorandom number generators (SplitMix64).
"""

from dataclasses import dataclass
from math import exp, log
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.vocabulary import COMMA, PARAGRAPH, PLAIN, STOP, make_vocabulary

Numbers = NDArray[np.int64]
Keys = NDArray[np.uint64]

NUM_WORDS = 7_131  # as many as let five words be one number: 7131**5 < 2**64 (`web_pairs`)
COPY_SHARE = 1 / 8
POPULAR = 1_024  # every 1,024th document is an original, and has a large family
DOCUMENTS_PER_SITE = 200  # when a new site appears; the first ones grow on, as logarithms do
FRAMED_SHARE = 0.7  # of the sites
MEDIAN_BODY, SPREAD, LEAST_BODY = 40, 0.6, 24
MOST_CHANGED = 0.3  # share of a text that an edit touches
BATCH = 4_096  # documents whose arrays stay in the processor's cache

#: What a copy is, sixteen equally likely cases.
EXACT, RETOUCHED, RUN, WORDS, CUT, ADDED, MOVED = range(7)
EDITS = np.repeat(range(7), (5, 1, 2, 3, 2, 2, 1))

#: Counters of a document's stream; its words come after them.
IS_COPY, SOURCE, EDIT, STRENGTH, PLACE, SECOND, SITE, LENGTH, FIRST_WORD = range(9)
#: Counters of a site's stream; its footer's words come far behind its header's.
FRAMED, HEADER, FOOTER, NAME, FIRST_HEADER_WORD = range(5)
FIRST_FOOTER_WORD = 1_000

GAMMA = np.uint64(0x9E3779B97F4A7C15)
RANK_BITS, ENDING_BITS = 18, 8


def draw(keys: Keys, counter: int | Numbers) -> Keys:
    """Return the random 64 bits that a stream has at a counter, uint64, same shape."""
    return mix(keys + np.asarray(counter + 1).astype(np.uint64) * GAMMA)


def mix(state: Keys) -> Keys:
    """Return SplitMix64's output for its state, uint64; a permutation of the numbers."""
    mixed = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def share(bits: Keys) -> NDArray[np.float64]:
    """Return random bits as numbers from 0 to 1, 1 excluded."""
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53


def below(bits: Keys, bound: int | Numbers) -> Numbers:
    """Return random bits as whole numbers from 0 to ``bound``, itself excluded."""
    return (bits % np.asarray(bound).astype(np.uint64)).astype(np.int64)


@dataclass(frozen=True)
class Recipe:
    """How some documents are put together.

    Attributes
    ----------
    keys, firsts, lengths : uint64, int64, int64, shape (documents, 7); the runs of each.
    flavours : uint64, shape (documents,); another one is another punctuation of the same words.
    """

    keys: Keys
    firsts: Numbers
    lengths: Numbers
    flavours: Keys


class WebDocuments:
    """An endless corpus; its documents are asked for by number.

    Parameters
    ----------
    seed : of everything.
    """

    def __init__(self, seed: int) -> None:
        vocabulary = make_vocabulary(seed, NUM_WORDS)
        self.forms = pa.array(vocabulary.forms.reshape(-1).tolist())  # case, ending, rank
        self.names = pa.array([form.strip() for form in vocabulary.forms[0, PLAIN]])
        grid = (np.arange(1 << RANK_BITS) + 0.5) / (1 << RANK_BITS)
        self.ranks = np.searchsorted(vocabulary.cumulative, grid).astype(np.uint16)
        normal = NormalDist(log(MEDIAN_BODY), SPREAD)
        lengths = [exp(normal.inv_cdf((place + 0.5) / 4096)) for place in range(4096)]
        self.lengths = np.maximum(LEAST_BODY, lengths).astype(np.int64)
        # 256 equally likely endings: a sentence has twelve words, a comma stands in every 16th.
        self.endings = np.repeat(np.array([PLAIN, COMMA, STOP]), (219, 16, 21))
        self.document_key, self.site_key = draw(np.array([seed], dtype=np.uint64), np.arange(2))

    def keys(self, numbers: Numbers) -> Keys:
        """Return the streams of documents."""
        return draw(self.document_key, numbers)

    def is_copy(self, numbers: Numbers) -> NDArray[np.bool_]:
        """Tell which documents are copies of earlier ones."""
        chosen: NDArray[np.bool_] = share(draw(self.keys(numbers), IS_COPY)) < COPY_SHARE
        chosen[numbers % POPULAR == 0] = False
        return chosen

    def sources(self, copies: Numbers) -> Numbers:
        """Return which original each copy is made from: any earlier document.

        Where that is a copy itself, the popular original before it: so families of dozens form.
        """
        chosen = below(draw(self.keys(copies), SOURCE), copies)
        return np.where(self.is_copy(chosen), chosen - chosen % POPULAR, chosen)

    def sites(self, numbers: Numbers) -> Numbers:
        """Return the site each document lies on; there are ever more of them."""
        return below(draw(self.keys(numbers), SITE), 1 + numbers // DOCUMENTS_PER_SITE)

    def recipe(self, numbers: Numbers) -> Recipe:
        """Return how documents are put together."""
        copied, own = self.is_copy(numbers), self.keys(numbers)
        sources = numbers.copy()
        sources[copied] = self.sources(numbers[copied])
        edits = np.where(copied, EDITS[below(draw(own, EDIT), len(EDITS))], EXACT)
        base = self.keys(sources)
        frames = draw(self.site_key, self.sites(np.where(edits == MOVED, numbers, sources)))
        framed = share(draw(frames, FRAMED)) < FRAMED_SHARE
        header = framed * (3 + below(draw(frames, HEADER), 10))
        footer = framed * (5 + below(draw(frames, FOOTER), 16))
        body = self.lengths[below(draw(base, LENGTH), len(self.lengths))]
        body_runs = self.edited(own, base, edits, body, header + body + footer)
        runs = (
            (frames, np.full_like(header, FIRST_HEADER_WORD), header),
            *body_runs,
            (frames, np.full_like(footer, FIRST_FOOTER_WORD), footer),
        )
        keys, firsts, lengths = (np.stack(column, axis=1) for column in zip(*runs, strict=True))
        return Recipe(keys, firsts, lengths, np.where(edits == RETOUCHED, own, np.uint64(0)))

    def edited(
        self, own: Keys, base: Keys, edits: Numbers, body: Numbers, total: Numbers
    ) -> list[tuple[Keys, Numbers, Numbers]]:
        """Return the five runs of each body: keys, first words and lengths.

        Parameters
        ----------
        own, base : streams of the document, and of the one that its body is from.
        body, total : words of that body, and of the whole document.
        """
        changed = share(draw(own, STRENGTH)) * MOST_CHANGED * total
        # A replaced run costs each document its words and the four shingles that reach into it.
        count = np.where(edits == RUN, changed / 2 - 4, changed).astype(np.int64)
        count = np.where(edits == WORDS, 1, np.clip(count, 1, body - 1))
        inside = np.isin(edits, (RUN, WORDS))
        place = np.where(inside, below(draw(own, PLACE), body - count + 1), body)
        place = np.where(edits == CUT, body - count, place)
        fresh = np.where(inside | (edits == ADDED), count, 0)
        rest = np.where(inside, body - place - count, 0)
        # One time in three a second word changes as well, behind the first.
        second = below(draw(own, SECOND), np.maximum(1, 3 * rest))
        second = np.where(edits == WORDS, np.minimum(second, rest), rest)
        single = np.where(second < rest, 1, 0)
        runs = []
        first = np.full_like(body, FIRST_WORD)
        lengths = (place, fresh, second, single, rest - second - single)
        for stream, length in zip((base, own, base, own, base), lengths, strict=True):
            runs.append((stream, first, length))
            first = first + length
        return runs

    def words(self, recipe: Recipe) -> tuple[NDArray[np.uint16], NDArray[np.uint8], Numbers]:
        """Return the words of documents, one after the other.

        Returns
        -------
        ranks : uint16, shape (words,).
        bits : uint8, shape (words,); random, for the punctuation.
        borders : int64, shape (documents + 1,); where each document starts.
        """
        lengths = recipe.lengths.reshape(-1)
        ends = np.cumsum(lengths)
        # The ramp goes on through all runs: each one is taken back by where it starts.
        behind = recipe.firsts.reshape(-1) + 1 - (ends - lengths)
        starts = recipe.keys.reshape(-1) + behind.astype(np.uint64) * GAMMA
        ramp = np.arange(ends[-1], dtype=np.uint64) * GAMMA
        random = mix(np.repeat(starts, lengths) + ramp)
        ranks = self.ranks[random >> np.uint64(64 - RANK_BITS)]
        return ranks, random.astype(np.uint8), np.concatenate([[0], ends[6::7]])

    def texts(self, numbers: Numbers) -> pa.StringArray:
        """Write the texts of documents."""
        recipe = self.recipe(numbers)
        ranks, bits, borders = self.words(recipe)
        flavours = np.repeat(recipe.flavours.astype(np.uint8), np.diff(borders))
        endings = self.endings[bits ^ flavours]
        header, footer = recipe.lengths[:, 0], recipe.lengths[:, 6]
        ends = np.concatenate([(borders[:-1] + header)[header > 0], borders[1:] - footer])
        endings[np.concatenate([ends, borders[1:]]) - 1] = PARAGRAPH
        capital = np.ones(len(ranks), dtype=np.int64)
        capital[1:] = endings[:-1] >= STOP
        spelled = self.forms.take(pa.array((capital * 4 + endings) * NUM_WORDS + ranks))
        # The words' bytes lie one behind the other already: only the borders are new.
        _, offsets, data = spelled.buffers()
        ends = np.frombuffer(offsets, dtype=np.int32)[borders]
        return pa.StringArray.from_buffers(len(numbers), pa.py_buffer(ends), data)

    def urls(self, numbers: Numbers) -> pa.StringArray:
        """Write the addresses of documents: the site, and the number."""
        bits = draw(draw(self.site_key, self.sites(numbers)), NAME)
        first, second = (self.names.take(pa.array(below(b, NUM_WORDS))) for b in (bits, mix(bits)))
        pages = pc.cast(pa.array(numbers), pa.string())
        return pc.binary_join_element_wise(
            pc.binary_join_element_wise("https://www", first, second, "."),
            pc.binary_join_element_wise("example", pages, "/"),
            ".",
        )


def write_documents(web: WebDocuments, path: Path, first: int, last: int, rows: int) -> None:
    """Write documents from ``first`` to ``last``, excluded, as Parquet (id, text).

    Parameters
    ----------
    rows : of a row group.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    schema = pa.schema({"id": pa.string(), "text": pa.string()})
    with pq.ParquetWriter(unfinished, schema, compression="zstd", use_dictionary=False) as file:
        for start in range(first, last, rows):
            parts = np.split(
                np.arange(start, min(start + rows, last)),
                range(BATCH, min(rows, last - start), BATCH),
            )
            columns = {
                "id": pa.chunked_array([web.urls(numbers) for numbers in parts]),
                "text": pa.chunked_array([web.texts(numbers) for numbers in parts]),
            }
            file.write_table(pa.table(columns), row_group_size=rows)
    unfinished.replace(path)
