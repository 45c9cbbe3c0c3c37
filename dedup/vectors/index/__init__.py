"""The persistent index of vectors, on the machinery of `dedup.index`.

`segment` (vectors and their keys, mapped), `hashing` (the functions, drawn once and stored),
`manifest`, `incoming` (a batch), `lookup` (candidates and exact values), `settle` (the greedy
keepers of a batch), `answers`, and `index.VectorIndex` on top. The format is described in
docs/index-format.md.
"""
