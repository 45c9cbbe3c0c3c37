"""What `Index.add` does with a batch of documents."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.index.answers import added_table, id_type
from dedup.index.change import Change
from dedup.index.document_manifest import DocumentManifest
from dedup.index.document_segment import DocumentSegment, NewDocuments
from dedup.index.incoming import Incoming, sketched
from dedup.index.settle import settle
from dedup.lsh.buckets import KeyRun
from dedup.sketch.store import SetStore
from dedup.text.hashing import Int64Array

if TYPE_CHECKING:
    from dedup.documents import SketchParameters


class DocumentChange(Change[DocumentManifest, DocumentSegment]):
    """A change of an index of documents."""

    def __init__(
        self,
        folder: str,
        manifest: DocumentManifest,
        segments: Sequence[DocumentSegment],
        parameters: SketchParameters,
    ) -> None:
        super().__init__(folder, manifest, segments)
        self._parameters = parameters

    def add(self, text: pa.Array, ids: pa.Array | None) -> pa.Table:
        """Add a batch of documents; see `Index.add`."""
        batch = sketched(text, ids, self._parameters)
        numbers = np.arange(len(batch)) + self.manifest.added
        known = pa.array(numbers) if ids is None else ids
        settled = settle(batch, self.segments, self.manifest.threshold)
        kind = id_type(self.segments, [known.type])
        answer = added_table(batch, known, settled, self.segments, kind)
        self.manifest = replace(self.manifest, added=self.manifest.added + len(batch))
        is_new = settled.is_new
        stored = np.flatnonzero(is_new) if self.manifest.store == "new" else np.arange(len(batch))
        if len(stored):
            new = _documents(batch, known, numbers, stored, ~is_new)
            self.append(new.write(self.folder, self.stem()))
        return answer


def _documents(
    batch: Incoming,
    ids: pa.Array,
    numbers: Int64Array,
    chosen: Int64Array,
    is_duplicate: NDArray[Any],
) -> NewDocuments:
    """Return some documents of a batch, as a segment is made of."""
    entries = np.concatenate([batch.digests[chosen, :1], batch.keys[chosen]], axis=1)
    sizes = batch.sizes[chosen]
    return NewDocuments(
        ids=ids.take(pa.array(chosen)),
        numbers=numbers[chosen],
        added=np.full(len(chosen), int(time.time())),
        set_bounds=np.concatenate([[0], np.cumsum(sizes)]),
        digests=batch.digests[chosen],
        text_digests=batch.text_digests[chosen],
        num_rows=entries.shape[1],
        entries=KeyRun.of(entries, 0).entries,
        sets=[SetStore([batch.sets], batch.sizes).gather(chosen)],
        duplicate=is_duplicate[chosen],
    )
