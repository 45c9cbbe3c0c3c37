"""The layers of `dedup.neural`: what a cascade learns, and what attention costs and misses.

`python -m benchmarks.neural` writes results/neural.json and neural.svg.
"""

import json
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmarks.plot import ACCENT, LINES, figure_style, save
from dedup.neural import CosineVectorEmbedding, LSHAttention, full_attention
from dedup.neural.embedding import CASCADE

INPUTS, WIDTH, DIRECTIONS = 4, 64, 24
SEEDS = range(5)
STEPS = 600
LENGTHS = (1024, 2048, 4096, 8192, 16384)
ROUNDS = (1, 2, 4, 8, 16)
_EVERY = 20
_BATCH = 256
RESULTS = Path(__file__).parent / "results"


def target(vectors: torch.Tensor) -> torch.Tensor:
    """Return a complicated function of direction: waves across three planes."""
    unit = nn.functional.normalize(vectors, dim=-1)
    x, y, z, w = unit.unbind(-1)
    return torch.sin(9 * x + 5 * y) + torch.cos(8 * z * w + 6 * x) + torch.sign(y * z)


def losses(seed: int, steps: int = STEPS) -> dict[str, list[float]]:
    """Train the same network behind either first layer; return the loss on other data meanwhile."""
    found = {}
    for name in ("linear", "cascade"):
        torch.manual_seed(seed)
        first: nn.Module = nn.Linear(INPUTS, WIDTH)
        if name == "cascade":
            first = CosineVectorEmbedding(INPUTS, WIDTH, DIRECTIONS, CASCADE, seed=seed)
        network = nn.Sequential(first, nn.ReLU(), nn.Linear(WIDTH, 1))
        optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
        random = torch.Generator().manual_seed(1000 + seed)
        test = torch.randn(2000, INPUTS, generator=random)
        curve = []
        for step in range(1, steps + 1):
            batch = torch.randn(_BATCH, INPUTS, generator=random)
            loss = nn.functional.mse_loss(network(batch)[:, 0], target(batch))
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            if step % _EVERY == 0:
                with torch.no_grad():
                    curve.append(float(nn.functional.mse_loss(network(test)[:, 0], target(test))))
        found[name] = curve
    return found


def _attention_input(length: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return queries in groups of 64 near ones, and values; attention is sharp, as when trained."""
    random = torch.Generator().manual_seed(0)
    centers = torch.randn(length // 64, 64, generator=random)
    of = torch.randint(0, len(centers), (1, length), generator=random)
    qk = 12 * (centers[of] + 0.3 * torch.randn(1, length, 64, generator=random))
    return qk, torch.randn(1, length, 64, generator=random)


def attention() -> dict[str, Any]:
    """Return seconds of one core by length, the best of three, and errors by rounds."""
    torch.set_num_threads(1)
    seconds: dict[str, list[float]] = {"LSHAttention": [], "full attention": []}
    with torch.no_grad():
        for length in LENGTHS:
            qk, v = _attention_input(length)
            for name, function in (
                ("LSHAttention", LSHAttention(64, 2)),
                ("full attention", full_attention),
            ):
                times = []
                for _ in range(3):
                    start = time.process_time()
                    function(qk, v)
                    times.append(time.process_time() - start)
                seconds[name].append(min(times))
        qk, v = _attention_input(2048)
        exact = full_attention(qk, v)
        errors = [
            float((LSHAttention(64, rounds)(qk, v) - exact).norm() / exact.norm())
            for rounds in ROUNDS
        ]
    return {"lengths": LENGTHS, "seconds": seconds, "rounds": ROUNDS, "errors": errors}


def main() -> None:
    """Measure and draw."""
    curves = [losses(seed) for seed in SEEDS]
    report = {"torch": torch.__version__, "losses": curves, "attention": attention()}
    (RESULTS / "neural.json").write_text(json.dumps(report, indent=1) + "\n")
    figure, (left, middle, right) = figure_style().subplots(1, 3, figsize=(13, 4))
    steps = range(_EVERY, STEPS + 1, _EVERY)
    for name, colour in (("cascade", ACCENT), ("linear", LINES[1])):
        for number, curve in enumerate(curves):
            label = name if number == 0 else None
            left.plot(steps, curve[name], color=colour, alpha=0.7, label=label)
    left.set(title="first layer, 5 seeds", xlabel="steps", ylabel="squared error")
    left.legend()
    found = report["attention"]
    for (name, seconds), colour in zip(found["seconds"].items(), (ACCENT, LINES[1]), strict=True):
        middle.plot(LENGTHS, seconds, "o-", color=colour, label=name)
    middle.set(
        title="attention", xlabel="length", ylabel="seconds of one core", xscale="log", yscale="log"
    )
    middle.legend()
    right.plot(ROUNDS, found["errors"], "o-", color=ACCENT)
    right.set(title="LSHAttention", xlabel="rounds", ylabel="relative error", xscale="log")
    save(figure, RESULTS / "neural.svg")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
