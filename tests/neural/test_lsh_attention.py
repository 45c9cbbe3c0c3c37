"""`LSHAttention` against full attention."""

import pytest
import torch

from dedup.errors import ConfigError
from dedup.neural import LSHAttention, full_attention


def _input(length: int, dim: int = 16, batch: int = 2, seed: int = 0):
    """Return queries of a few directions, so that each has near ones and far ones."""
    random = torch.Generator().manual_seed(seed)
    centers = torch.randn(12, dim, generator=random)
    of = torch.randint(0, 12, (batch, length), generator=random)
    qk = 4 * (centers[of] + 0.4 * torch.randn(batch, length, dim, generator=random))
    return qk, torch.randn(batch, length, dim, generator=random)


def _naive(layer: LSHAttention, qk: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Attend position by position to all that any round lets it meet."""
    length, dim, size = qk.shape[-2], qk.shape[-1], layer.bucket_size
    rounds = layer._buckets(qk, layer.num_buckets)
    out = torch.empty_like(v)
    for b in range(len(qk)):
        seen: dict[int, set[int]] = {i: set() for i in range(length)}
        for buckets in rounds:
            by_bucket: dict[int, list[int]] = {}
            for i, bucket in enumerate(buckets[b].tolist()):
                by_bucket.setdefault(bucket, []).append(i)
            for members in by_bucket.values():
                for rank, i in enumerate(members):
                    for other, j in enumerate(members):
                        if 0 <= rank // size - other // size <= 1 and (not layer.causal or j <= i):
                            seen[i].add(j)
        for i in range(length):
            others = sorted(seen[i] - {i}) or [i]
            keys = torch.nn.functional.normalize(qk[b, others], dim=-1)
            weights = (keys @ qk[b, i] / dim**0.5).softmax(0)
            out[b, i] = weights @ v[b, others]
    return out


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("n_hashes", [1, 3])
def test_it_attends_to_what_its_rounds_let_meet_and_counts_each_once(causal, n_hashes):
    qk, v = _input(70)
    layer = LSHAttention(8, n_hashes, causal=causal, num_buckets=6)
    assert torch.allclose(layer(qk, v), _naive(layer, qk, v), atol=1e-5)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("length", [1, 2, 37, 64])
def test_one_bucket_of_all_is_full_attention(causal, length):
    qk, v = _input(length)
    expected = full_attention(qk, v, causal=causal)
    for layer in (
        LSHAttention(64, 3, causal=causal),
        LSHAttention(64, 3, causal=causal, num_buckets=1),
    ):
        assert torch.allclose(layer(qk, v), expected, atol=1e-5)


def test_the_error_falls_with_the_rounds():
    qk, v = _input(512)
    expected = full_attention(qk, v)
    errors = [
        (LSHAttention(64, rounds, num_buckets=16)(qk, v) - expected).norm().item()
        for rounds in (1, 2, 4, 8, 16)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.4 * errors[0]


@pytest.mark.parametrize("n_hashes", [1, 4])
@pytest.mark.parametrize("length", [65, 200])
def test_nothing_of_the_future_reaches_the_past(n_hashes, length):
    qk, v = _input(length)
    layer = LSHAttention(8, n_hashes, causal=True)
    expected = layer(qk, v)
    random = torch.Generator().manual_seed(9)
    for now in (1, length // 3, length - 1):
        other_qk, other_v = qk.clone(), v.clone()
        other_qk[:, now:] = 5 * torch.randn(qk[:, now:].shape, generator=random)
        other_v[:, now:] = torch.randn(v[:, now:].shape, generator=random)
        found = layer(other_qk, other_v)
        assert torch.allclose(found[:, :now], expected[:, :now], atol=1e-5)
        assert not torch.allclose(found[:, now:], expected[:, now:], atol=1e-2)


def test_gradients_flow_to_queries_and_values():
    qk, v = _input(100)
    qk.requires_grad_()
    v.requires_grad_()
    LSHAttention(8, 2, causal=True)(qk, v).square().sum().backward()
    assert qk.grad.isfinite().all()
    assert qk.grad.abs().sum() > 0
    assert v.grad.isfinite().all()
    assert v.grad.abs().sum() > 0


def test_heads_are_batches():
    qk, v = _input(90, batch=6)
    layer = LSHAttention(16, 2)
    heads = layer(qk.reshape(2, 3, 90, 16), v.reshape(2, 3, 90, 16))
    assert torch.allclose(heads.reshape(6, 90, 16), layer(qk, v), atol=1e-6)
    assert torch.allclose(layer(qk[0], v[0]), layer(qk, v)[0], atol=1e-6)


@pytest.mark.parametrize(
    "options", [{"bucket_size": 0}, {"n_hashes": 0}, {"num_buckets": 3}, {"num_buckets": 0}]
)
def test_options_of_no_attention(options):
    with pytest.raises(ConfigError, match="give"):
        LSHAttention(**options)


def test_work_grows_with_the_length_and_not_its_square():
    """Counted, not timed: the logits of 16 times the length are 16 times as many."""
    sizes = {}
    for length in (1024, 16384):
        layer = LSHAttention(64, 1)
        one = layer._buckets(torch.randn(1, length, 16), length // 64)[0]
        from dedup.neural.attention import _Round

        round_ = _Round(one, length // 64, 64)
        sizes[length] = round_.asking.numel() * round_.offered.shape[-1]
    assert sizes[16384] == 16 * sizes[1024]
    assert sizes[16384] < 16384**2 / 20
