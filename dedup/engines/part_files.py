"""The files of a part: its sketches on disk, where the search maps them.

A part on disk is a few files of one stem. ``.sets`` holds the shingle sets, ``.keys`` the sorted
band keys, ``.counts`` the arrays of `DOCUMENT_ARRAYS` and the documents without text, all raw and
in the machine's byte order; ``.arrow`` the user's columns. ``.json`` says how much each holds and
is written last: a part without it is not finished.
"""

from __future__ import annotations

import json
import math
import os
import shutil
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.engines.parts import DOCUMENT_ARRAYS, PartRecords, PartSketches
from dedup.io.base import Part, Problem
from dedup.lsh.buckets import KeyRun
from dedup.text.hashing import Int64Array

_SUFFIXES = (".sets", ".keys", ".counts", ".arrow", ".json")


def save_part(stem: str, sketches: PartSketches) -> None:
    """Write a part to disk, for `open_part`; what is there already is linked, or copied."""
    if sketches.stem is not None and is_finished(sketches.stem):
        for suffix in _SUFFIXES:
            try:
                os.link(sketches.stem + suffix, stem + suffix)
            except OSError:
                shutil.copyfile(sketches.stem + suffix, stem + suffix)
        return
    runs = sketches.key_runs
    with open(f"{stem}.sets", "wb") as sets, open(f"{stem}.keys", "wb") as keys:
        sets.write(sketches.sets.data)
        for run in runs:
            keys.write(run.entries.data)
    bands = runs[0].entries.shape[0] if runs else 0
    save_rest(stem, sketches, len(sketches.sets), bands, [len(run) for run in runs])


def save_rest(
    stem: str, sketches: PartSketches, num_shingles: int, bands: int, run_sizes: list[int]
) -> None:
    """Write all but the sets and keys of a part; the facts last."""
    with open(f"{stem}.counts", "wb") as counts:
        for array in (*sketches.arrays.values(), sketches.missing):
            counts.write(array.data)
    columns = sketches.columns
    with (
        pa.OSFile(f"{stem}.arrow", "wb") as sink,
        pa.ipc.new_file(sink, columns.schema) as writer,
    ):
        writer.write_table(columns)
    facts = {
        "documents": len(sketches),
        "shingles": num_shingles,
        "bands": bands,
        "key_runs": run_sizes,
        "missing": len(sketches.missing),
        "excluded": sketches.excluded,
        "num_bytes": sketches.num_bytes,
        "num_invalid": sketches.num_invalid,
        "records": [
            {
                "file": record.file,
                "rows": record.rows,
                "lines": record.lines,
                "problems": [[p.reason, p.row, p.line, p.detail] for p in record.problems],
                "problem_counts": record.problem_counts,
            }
            for record in sketches.records
        ],
    }
    _write_whole(f"{stem}.json", json.dumps(facts))


def is_finished(stem: str) -> bool:
    """Tell whether the part of this stem is on disk, all of it."""
    return os.path.exists(f"{stem}.json")


def open_part(stem: str, parts: Sequence[Part] | None) -> PartSketches:
    """Map a part that is on disk.

    Parameters
    ----------
    parts : what it was read from; None where that does not matter.
    """
    with open(f"{stem}.json", encoding="utf-8") as file:
        facts = json.load(file)
    arrays, missing = _mapped_arrays(f"{stem}.counts", facts["documents"], facts["missing"])
    return PartSketches(
        records=[
            PartRecords(
                file=record["file"],
                part=None if parts is None else parts[place],
                rows=record["rows"],
                lines=record["lines"],
                problems=[Problem(*values) for values in record["problems"]],
                problem_counts=Counter(record["problem_counts"]),
            )
            for place, record in enumerate(facts["records"])
        ],
        sets=_mapped(f"{stem}.sets", np.uint64, (facts["shingles"],)),
        key_runs=_mapped_runs(f"{stem}.keys", facts["bands"], facts["key_runs"]),
        arrays=arrays,
        missing=missing,
        columns=pa.ipc.open_file(pa.memory_map(f"{stem}.arrow")).read_all(),
        excluded=Counter(facts["excluded"]),
        num_bytes=facts["num_bytes"],
        num_invalid=facts["num_invalid"],
        stem=stem,
    )


def _mapped_runs(path: str, bands: int, sizes: list[int]) -> list[KeyRun]:
    entries = _mapped(path, np.uint64, (bands * sum(sizes),))
    runs = []
    first = 0
    for size in sizes:
        block = entries[bands * first : bands * (first + size)]
        runs.append(KeyRun(first, block.reshape(bands, size)))
        first += size
    return runs


def _mapped_arrays(
    path: str, count: int, num_missing: int
) -> tuple[dict[str, NDArray[Any]], Int64Array]:
    """Return the arrays of `DOCUMENT_ARRAYS`, and the documents without text."""
    shapes = {name: (count, *shape) for name, (_, shape) in DOCUMENT_ARRAYS.items()}
    sizes = [math.prod(shape) for shape in shapes.values()]
    words = _mapped(path, np.int64, (sum(sizes) + num_missing,))
    *blocks, missing = np.split(words, np.cumsum(sizes))
    arrays = {
        name: block.view(DOCUMENT_ARRAYS[name][0]).reshape(shapes[name])
        for name, block in zip(DOCUMENT_ARRAYS, blocks, strict=True)
    }
    return arrays, missing


def _mapped(path: str, kind: type[np.generic], shape: tuple[int, ...]) -> NDArray[Any]:
    """Map a raw file. By Arrow: numpy would hold the file open, and there are many parts.

    Raises
    ------
    ValueError : the file is not as long as it should be.
    """
    if not shape[0]:
        return np.zeros(shape, kind)
    with pa.memory_map(path) as file:
        found = np.frombuffer(file.read_buffer(), kind)
    return found.reshape(shape)


def _write_whole(path: str, text: str) -> None:
    """Write a file that is there with all its text, or not at all."""
    with open(f"{path}.partial", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(f"{path}.partial", path)
