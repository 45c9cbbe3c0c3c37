"""The persistent index: documents of today against everything seen before.

What any index is, from the disk up: `files` (written whole, or not there), `segment` (immutable,
mapped), `merge` (segments to one), `manifest` (which segments an index is), `lock`, `snapshot` (a
consistent state), `change` (the next one), and `base.StoredIndex` on top.

What an index of documents adds: `document_segment`, `document_manifest`, `lookup` (candidates and
verified matches), `settle` (greedy keepers of a batch), `document_change`; `index.Index` on top.
That of vectors is `dedup.vectors.index`. The formats are described in docs/index-format.md.
"""
