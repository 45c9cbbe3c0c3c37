"""How alike the documents of a search are: the columns of its measure, and the rows of pairs."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.cluster import Edges
from dedup.corpus import Corpus
from dedup.lsh.buckets import pack_pairs
from dedup.schema import pairs_schema
from dedup.search import Search
from dedup.text.hashing import Int64Array


def edge_common(search: Search, left: Int64Array, right: Int64Array) -> Int64Array:
    """Return the common shingles of known edges, -1 for pairs that are none."""
    edges = search.clusters.edges
    known = pack_pairs(edges.right, edges.left)  # ascending: edges are sorted so
    wanted = pack_pairs(right, left)
    place = np.searchsorted(known, wanted)
    found = np.zeros(len(wanted), np.bool_)
    inside = place < len(known)
    found[inside] = known[place[inside]] == wanted[inside]
    result = np.full(len(wanted), -1)
    result[found] = edges.common[place[found]]
    return result


def measured(
    search: Search, left: Int64Array, right: Int64Array, common: Int64Array
) -> NDArray[np.float64]:
    """Return the measures of pairs of units; containment is that of the right one in the left.

    float64, shape (measure's columns, pairs); NaN where `common` is -1.
    """
    values = [search.verifier.jaccard(left, right, common)]
    if search.verifier.measure == "containment":
        values.append(search.verifier.containment(right, common))
    return np.where(common < 0, np.nan, values)


def larger_first(search: Search, edges: Edges) -> Edges:
    """Return edges with the document that holds the other on the left."""
    sizes = search.verifier.sets.sizes
    turned = sizes[edges.right] > sizes[edges.left]
    left = np.where(turned, edges.right, edges.left)
    return Edges(left, np.where(turned, edges.left, edges.right), edges.common)


def pairs_table(
    corpus: Corpus, measure: str, left: Int64Array, right: Int64Array, values: NDArray[np.float64]
) -> pa.Table:
    """Return a row for each pair, in the order given.

    Parameters
    ----------
    left, right : int64, positions. Jaccard has no direction: its pairs stand as in the input.
    values : float64, shape (measure's columns, pairs).
    """
    if measure == "jaccard":
        left, right = np.minimum(left, right), np.maximum(left, right)
    ids = corpus.columns["doc_id"]
    return pa.Table.from_arrays(
        [ids.take(pa.array(left)), ids.take(pa.array(right)), *values, left, right],
        schema=pairs_schema(ids.type, measure),
    )
