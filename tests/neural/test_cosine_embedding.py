"""`CosineVectorEmbedding`: its buckets, its gradients, and what it learns."""

import math

import pytest
import torch
from torch.nn import functional

from benchmarks.neural import losses
from dedup.errors import ConfigError
from dedup.neural import CosineVectorEmbedding
from dedup.neural.embedding import CASCADE


def test_buckets_are_those_of_the_definition():
    layer = CosineVectorEmbedding(5, 3, n_proj=4, num_bins=[1, 4])
    vectors = torch.randn(50, 5) * 7
    rows = layer.buckets(vectors)
    first = 0
    for place in range(8):
        count = layer.num_bins[place // 4]
        cosine = functional.cosine_similarity(vectors, layer.directions[:, place], dim=1)
        middles = [-1 + (2 * i + 1) / count for i in range(count)]
        expected = [sum(value > middle for middle in middles) for value in cosine.tolist()]
        assert (rows[:, place] - first).tolist() == expected
        first += count + 1
    assert layer.bag.num_embeddings == first


def test_one_bin_is_a_hyperplane():
    """Two vectors at angle a agree in one of two values with probability 1 - a / pi."""
    layer = CosineVectorEmbedding(8, 1, n_proj=20_000, num_bins=1)
    pair = torch.zeros(2, 8)
    pair[0, 0], pair[1, 0], pair[1, 1] = 1, math.cos(0.6), math.sin(0.6)
    agree = (layer.buckets(pair)[0] == layer.buckets(pair)[1]).float().mean().item()
    expected = 1 - 0.6 / math.pi
    assert abs(agree - expected) < 4 * math.sqrt(expected * (1 - expected) / 20_000)


def test_features_are_the_sum_of_the_buckets_embeddings():
    layer = CosineVectorEmbedding(5, 3, n_proj=4, num_bins=CASCADE)
    vectors = torch.randn(2, 7, 5)
    found = layer(vectors)
    assert found.shape == (2, 7, 3)
    expected = layer.bag.weight[layer.buckets(vectors)].sum(dim=-2)
    assert torch.allclose(found, expected, atol=1e-5)
    assert torch.equal(layer(vectors * 3), found)  # direction alone counts


def test_gradients_flow_to_the_bag_and_nowhere_else():
    layer = CosineVectorEmbedding(5, 3, n_proj=4, num_bins=[2, 8])
    vectors = torch.randn(6, 5, requires_grad=True)
    layer(vectors).square().sum().backward()
    touched = layer.bag.weight.grad.abs().sum(dim=1) > 0
    assert set(touched.nonzero().ravel().tolist()) == set(layer.buckets(vectors).ravel().tolist())
    assert vectors.grad is None
    assert [name for name, _ in layer.named_parameters()] == ["bag.weight"]


def test_state_makes_a_round_trip():
    layer = CosineVectorEmbedding(5, 3, n_proj=4, num_bins=[2, 8], seed=1)
    other = CosineVectorEmbedding(5, 3, n_proj=4, num_bins=[2, 8], seed=2)
    vectors = torch.randn(9, 5)
    assert not torch.equal(layer(vectors), other(vectors))
    other.load_state_dict(layer.state_dict())
    assert torch.equal(layer(vectors), other(vectors))


@pytest.mark.parametrize("options", [{"n_proj": 0}, {"num_bins": 0}, {"num_bins": []}])
def test_options_of_no_layer(options):
    with pytest.raises(ConfigError, match="give"):
        CosineVectorEmbedding(4, 4, **options)


def test_a_cascade_learns_direction_better_than_a_linear_layer():
    """At equal width and steps, over five seeds, on data that was not trained on."""
    for seed in range(5):
        found = losses(seed, steps=400)
        assert found["cascade"][-1] < 0.5 * found["linear"][-1]
