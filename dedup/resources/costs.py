"""What a run needs: scratch space, memory and seconds, from counts alone.

The one place of these formulas: the plan states them, and a run checks them.
"""

from __future__ import annotations

from dedup.errors import DedupError
from dedup.resources.limits import PARENT_BYTES, WORKER_BYTES
from dedup.resources.sizes import shown_bytes

_WORD_BYTES = 8
_RECORD_BYTES = 80
"""A document's counts, digests and fingerprint."""
_SEARCH_RECORD_BYTES = 158
"""The same brought together, and what the search notes of a document, where memory is short."""
_SEARCH_BYTES = 200 << 20
_CHUNK_DOCUMENTS = 1 << 20
_CHUNK_BYTES = 200
"""Of memory: what lies in the chunks that the search works on, a document; up to a million."""
_DOCUMENT_BYTES = 32
"""Of memory: what the search holds of each document for a moment."""
START_SECONDS = 0.5
"""To start the processes and load numpy and Arrow."""


def scratch_bytes(num_documents: int, num_shingles: int, bands: int, id_bytes: int) -> int:
    """Return the bytes of scratch: sets, band keys, records and ids.

    Buckets and pairs come on top; they are mostly few beside the keys.

    Parameters
    ----------
    num_shingles : of all sets together.
    bands : band keys of a document; 0 where there are none.
    id_bytes : of all ids together.
    """
    words = num_shingles + bands * num_documents
    records = (_RECORD_BYTES + _SEARCH_RECORD_BYTES) * num_documents
    return _WORD_BYTES * words + records + id_bytes


def search_bytes(num_documents: int) -> int:
    """Return the memory that the search needs, in bytes; what it holds for long lies in scratch.

    Measured: 437 MiB for 2 million documents, 713 for 10 million.
    """
    chunks = _CHUNK_BYTES * min(num_documents, _CHUNK_DOCUMENTS)
    return _SEARCH_BYTES + chunks + _DOCUMENT_BYTES * num_documents


def memory_bytes(num_documents: int, processes: int) -> int:
    """Return the anonymous memory of all processes at their peak, in bytes.

    Parameters
    ----------
    processes : in all; the parent sketches too, and is one of them.
    """
    return max(PARENT_BYTES + (processes - 1) * WORKER_BYTES, search_bytes(num_documents))


def check_memory(num_documents: int, memory: int) -> None:
    """Raise DedupError where the search among so many documents needs more than the memory."""
    needed = search_bytes(num_documents)
    if needed > memory:
        raise DedupError(
            f"the search among {num_documents:,} documents needs about {shown_bytes(needed)} of "
            f"memory, and --memory is {shown_bytes(memory)}; give it that much."
        )


def run_seconds(sketch: float, search: float, processes: int) -> float:
    """Return the seconds of a run.

    Parameters
    ----------
    sketch : seconds that one process needs to read and sketch all text.
    search : seconds of the search, which one process does.
    """
    return START_SECONDS + sketch / processes + search
