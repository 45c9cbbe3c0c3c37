"""The disk that a run needs, said and checked before it starts."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Sequence
from typing import Any

from dedup.documents import SketchParameters, sketch_texts
from dedup.engines.local import PART_BYTES
from dedup.errors import DedupError
from dedup.io.base import Columns, InputFile
from dedup.io.formats import FORMATS
from dedup.io.inputs import STDIN
from dedup.resources.costs import scratch_bytes
from dedup.resources.failures import existing
from dedup.resources.sizes import shown_bytes

_MOST_UNPACKED = 10
"""Text a byte of a compressed file, or of one whose columns are: more is rare."""
_LEAST_DOCUMENT = 100
"""Bytes of text of a document in a corpus of short ones."""
_LEAST_SHINGLE = 2
"""Bytes of text a shingle: words of one letter."""
_SAMPLED_FILES = 8
_SAMPLE_BYTES = 1 << 18
_ID_BYTES = 50
"""Of an id, which may be a URL."""


def check_room(
    files: Sequence[InputFile],
    columns: Columns,
    parameters: SketchParameters,
    scratch: str,
    copies: Sequence[str | os.PathLike[str]],
    *,
    continues: bool,
    filters: bool,
) -> dict[str, Any] | None:
    """Return what `summary.json` says about the disk; None where the input's size is unknown.

    A generous bound comes first; only where there is not room for that much, some of the input is
    read to know better.

    Parameters
    ----------
    scratch : folder.
    copies : folders that get copies of the input.
    continues : whether an earlier run has left parts in scratch: they need no new room.
    filters : whether sets are filtered and so written once more.

    Raises
    ------
    DedupError : the scratch, or the copies, cannot fit.
    """
    if any(file.path == STDIN for file in files):
        return None
    there = sum(entry.stat().st_size for entry in os.scandir(scratch)) if continues else 0
    bands = parameters.banding.bands if parameters.banding else 0
    text = sum(file.size * _unpacking(file) for file in files)
    times = 2 if filters else 1
    most = text // _LEAST_DOCUMENT
    need = scratch_bytes(most, times * text // _LEAST_SHINGLE, bands, most * _ID_BYTES)
    basis = "at most, by the size of the input"
    free = shutil.disk_usage(scratch).free
    if need - there > free:
        documents, shingles = _estimated(files, columns, parameters)
        need = scratch_bytes(documents, times * shingles, bands, documents * _ID_BYTES)
        basis = "about, by a sample of the input"
    logging.getLogger("dedup").info(
        "needs %s %s of scratch in %s, which has %s free",
        *(basis.split(",")[0], shown_bytes(need), scratch, shown_bytes(free)),
    )
    if need - there > free:
        raise DedupError(
            f"the run needs about {shown_bytes(need - there)} of scratch in {scratch}, which has "
            f"{shown_bytes(free)} free; give another folder with --scratch."
        )
    size = sum(file.size for file in files)
    for folder in copies:
        place = existing(folder)
        left = shutil.disk_usage(place).free
        if size > left:
            raise DedupError(
                f"a copy of the input needs up to {shown_bytes(size)} in {folder}, where "
                f"{shown_bytes(left)} are free; give another folder."
            )
    return {"needed_bytes": need, "basis": basis, "free_bytes": free}


def _unpacking(file: InputFile) -> int:
    is_plain = file.codec is None and file.format in ("jsonl", "csv", "text")
    return 1 if is_plain else _MOST_UNPACKED


def _estimated(
    files: Sequence[InputFile], columns: Columns, parameters: SketchParameters
) -> tuple[int, int]:
    """Estimate the documents and shingles from a quarter of a megabyte of each of some files."""
    chosen = files[:: -(-len(files) // _SAMPLED_FILES)]
    size = text = seen = documents = shingles = 0
    for file in chosen:
        format_ = FORMATS[file.format]
        parts = format_.split(file, columns, PART_BYTES)
        size += file.size
        text += sum(part.size for part in parts)
        batch = next(format_.read(parts[len(parts) // 2], _SAMPLE_BYTES), None)
        if batch is None:
            continue
        seen += batch.text.nbytes
        documents += len(batch)
        shingles += sum(
            int(found.num_shingles.sum()) for found in sketch_texts(batch.text, parameters)
        )
    if not seen or not size:
        return 0, 0
    scale = text / seen * sum(file.size for file in files) / size
    return int(documents * scale), int(shingles * scale)
