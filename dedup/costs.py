"""What a run will need: scratch space, memory and seconds, from counts alone.

The one place of these formulas: the plan states them, and a run checks them before it starts.
"""

from __future__ import annotations

_WORD_BYTES = 8
_RECORD_BYTES = 72
"""A document's counts, digests and fingerprint."""
_PARENT_BYTES = 120 << 20
_WORKER_BYTES = 150 << 20
_DOCUMENT_BYTES = 110
"""Of memory: what the search holds of a document."""
START_SECONDS = 0.5
"""To start the processes and load numpy and Arrow."""


def scratch_bytes(num_documents: int, num_shingles: int, bands: int, id_bytes: int) -> int:
    """Return the bytes of scratch: sets, band keys, counts and digests, and ids as stored.

    Parameters
    ----------
    num_shingles : of all sets together.
    bands : band keys of a document; 0 where there are none.
    id_bytes : of all ids together.
    """
    words = num_shingles + bands * num_documents
    return _WORD_BYTES * words + _RECORD_BYTES * num_documents + id_bytes


def memory_bytes(num_documents: int, workers: int) -> int:
    """Return the anonymous memory of all processes at their peak, in bytes.

    Parameters
    ----------
    workers : processes in all; the parent sketches too, and is one of them.
    """
    others = (workers - 1) * _WORKER_BYTES
    return _PARENT_BYTES + others + _DOCUMENT_BYTES * num_documents


def run_seconds(sketch: float, search: float, workers: int) -> float:
    """Return the seconds of a run.

    Parameters
    ----------
    sketch : seconds that one process needs to read and sketch all text.
    search : seconds of the search, which one process does.
    """
    return START_SECONDS + sketch / workers + search
