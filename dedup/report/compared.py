"""What is compared of a single document."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pyarrow as pa

from dedup.config import Config
from dedup.documents import sketch_texts
from dedup.report.shingled import Text
from dedup.search import sketch_parameters
from dedup.text.hashing import UInt64Array


@dataclass(frozen=True)
class Compared:
    """What is compared of a document.

    Attributes
    ----------
    shingles : uint64; the sorted distinct shingle hashes.
    fingerprint : SimHash.
    num_tokens : of the whole text.
    has_text : whether it can be a duplicate of anything; False for null and blank text.
    """

    shingles: UInt64Array
    fingerprint: int
    num_tokens: int
    has_text: bool

    @classmethod
    def of(cls, text: Text, config: Config) -> Compared:
        """Sketch a text."""
        parameters = replace(sketch_parameters(config), banding=None, fingerprints=True)
        (sketches,) = sketch_texts(_as_array(text), parameters)
        return cls(
            shingles=sketches.sets,
            fingerprint=int(sketches.fingerprints[0]),
            num_tokens=int(sketches.num_tokens[0]),
            has_text=bool(sketches.digests[0].any()),
        )


def _as_array(text: Text) -> pa.Array:
    if isinstance(text, str):
        return pa.array([text], pa.large_string())
    if text and isinstance(text[0], int):
        return pa.array([text], pa.large_list(pa.int64()))
    tokens = [str(token).encode("utf-8", "surrogateescape") for token in text]
    return pa.array([tokens], pa.large_list(pa.large_binary()))
