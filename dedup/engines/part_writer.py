"""Collects the sketches of a part batch by batch: in memory, or into its files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.documents import Sketches
from dedup.engines.part_files import save_rest
from dedup.engines.parts import DOCUMENT_ARRAYS, PartRecords, PartSketches
from dedup.lsh.buckets import KeyRun
from dedup.text.hashing import Int64Array, UInt64Array

_OF_RECORDS = "record_digests"
_RUN_BYTES = 16 << 20
"""Band keys that are sorted together."""


class PartWriter:
    """Collects the sketches of a part, batch by batch.

    Parameters
    ----------
    stem : path without suffix of the files to write; None keeps all in memory.
    """

    def __init__(self, stem: str | None, bands: int) -> None:
        self._stem = stem
        self._bands = bands
        self._stack = ExitStack()
        self._files: dict[str, BinaryIO] = {}
        self._sets: list[UInt64Array] = [np.zeros(0, np.uint64)]
        self._keys: list[UInt64Array] = []
        self._key_bytes = 0
        self._num_keyed = 0
        self._runs: list[KeyRun] = []
        self._run_sizes: list[int] = []
        self._arrays: dict[str, list[NDArray[Any]]] = {
            name: [np.zeros((0, *shape), kind)]
            for name, (kind, shape) in DOCUMENT_ARRAYS.items()
            if name != _OF_RECORDS
        }
        self._num_invalid = 0

    def __enter__(self) -> PartWriter:
        if self._stem is not None:
            for name in ("sets", "keys"):
                file = open(f"{self._stem}.{name}", "wb")
                self._files[name] = self._stack.enter_context(file)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def append(self, sketches: Sketches) -> None:
        """Add the sketches of one batch."""
        self._num_invalid += sketches.num_invalid
        for name, blocks in self._arrays.items():
            blocks.append(getattr(sketches, name))
        if self._stem is None:
            self._sets.append(sketches.sets)
        else:
            self._files["sets"].write(sketches.sets.data)
        if self._bands:
            self._keys.append(sketches.keys)
            self._key_bytes += sketches.keys.nbytes
            if self._key_bytes >= _RUN_BYTES:
                self._end_run()

    def _end_run(self) -> None:
        run = KeyRun.of(np.concatenate(self._keys), self._num_keyed)
        self._keys, self._key_bytes = [], 0
        self._num_keyed += len(run)
        self._run_sizes.append(len(run))
        if self._stem is None:
            self._runs.append(run)
        else:
            self._files["keys"].write(run.entries.data)

    def finish(
        self,
        records: list[PartRecords],
        missing: Int64Array,
        columns: pa.Table,
        excluded: Counter[str],
        num_bytes: int,
        record_digests: Sequence[tuple[int, UInt64Array]] = (),
    ) -> PartSketches | None:
        """Return all that was added; None where it is on disk, for `open_part`.

        Parameters
        ----------
        record_digests : those of some consecutive documents, each after the number of the first;
            of all others the text's digest stands for the record's.
        """
        if self._keys:
            self._end_run()
        arrays = {name: np.concatenate(blocks) for name, blocks in self._arrays.items()}
        arrays[_OF_RECORDS] = arrays["text_digests"][:, 0].copy()
        for first, digests in record_digests:
            arrays[_OF_RECORDS][first : first + len(digests)] = digests
        sketches = PartSketches(
            records=records,
            sets=np.concatenate(self._sets),
            key_runs=self._runs,
            arrays=arrays,
            missing=missing,
            columns=columns,
            excluded=excluded,
            num_bytes=num_bytes,
            num_invalid=self._num_invalid,
        )
        if self._stem is None:
            return sketches
        num_shingles = self._files["sets"].tell() // 8
        self._stack.close()
        save_rest(self._stem, sketches, num_shingles, self._bands, self._run_sizes)
        return None
