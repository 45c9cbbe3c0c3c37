"""The persistent index: documents of today against everything seen before.

From the disk up: `files` (written whole, or not there), `segment` (documents, immutable, mapped),
`manifest` (which segments an index is), `lock`; then `lookup` (candidates and verified matches),
`settle` (the greedy keepers of a batch), `merge`, `snapshot` (a consistent state) and `change` (the
next one); `index.Index` on top. The format is described in docs/index-format.md.
"""
