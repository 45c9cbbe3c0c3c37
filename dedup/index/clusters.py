"""The clusters of all that an index stores: the search of a run, over its segments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.config import Config
from dedup.corpus import Sketched
from dedup.engines.parts import PartRecords, PartSketches
from dedup.index.base import marked_again
from dedup.index.document_segment import DocumentSegment
from dedup.index.settle import ALL
from dedup.io.inputs import InputFile
from dedup.output.result import Result
from dedup.pipeline import find_in
from dedup.resources.timing import Stages
from dedup.spill.scratch import Scratch


def search_segments(segments: Sequence[DocumentSegment], config: Config, linkage: str) -> Result:
    """Run the search over the stored documents, in the order of adding, without a cap."""
    wanted = replace(config, linkage=linkage, max_comparisons=ALL)
    files = [InputFile(0, 0, "", "index", "arrow")]
    parts = [_part(segment) for segment in segments]
    return find_in(Sketched(files, parts, wanted), wanted, Scratch(), Stages())


def clusters_table(segments: Sequence[DocumentSegment], config: Config, linkage: str) -> pa.Table:
    """Return the clusters; positions and cluster ids count all documents that were ever added."""
    table = search_segments(segments, config, linkage).clusters.drop_columns(["source"])
    numbers = np.concatenate([np.zeros(0, np.int64), *(one.numbers for one in segments)])
    for name in ("position", "cluster_id"):
        place = table.column_names.index(name)
        moved = numbers[table[name].to_numpy()]
        table = table.set_column(place, name, pa.array(moved))
    return table


def settled_again(segments: Sequence[DocumentSegment], config: Config) -> list[NDArray[np.uint8]]:
    """Return the marks of all segments, with the keepers that the live documents have now."""
    removed = search_segments(segments, config, "keeper").decisions.removed
    return marked_again(segments, removed)


def _part(segment: DocumentSegment) -> PartSketches:
    count = len(segment)
    return PartSketches(
        records=[PartRecords(0, None, count)],
        sets=segment.sets,
        key_runs=[segment.key_run],
        arrays={
            "num_shingles": np.diff(segment.set_bounds),
            # Too short for any search: what was removed.
            "num_tokens": np.where(segment.is_live, np.diff(segment.set_bounds), -1),
            "num_chars": np.zeros(count, np.int64),
            "fingerprints": np.zeros(count, np.uint64),
            "digests": segment.digests,
            "text_digests": segment.text_digests,
            "record_digests": segment.text_digests[:, 0],
        },
        missing=np.zeros(0, np.int64),
        columns=pa.table({"doc_id": segment.ids}),
        excluded=Counter(),
        num_bytes=0,
        num_invalid=0,
    )
