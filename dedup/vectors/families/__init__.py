"""Families of hash functions on vectors: a small kernel each, with its collision probability.

- `hyperplanes`: the signs of random projections (cosine).
- `stable`: random projections cut into steps of one width (Euclidean).
- `cross_polytope`: the nearest of the axes of a random rotation, and their opposites (cosine).
- `rotation`: the same with few axes, as the Reformer hashes its keys (cosine).
"""
