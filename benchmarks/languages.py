"""Speed by language: the kernels from text to sketches, as a ratio to ASCII in the same run.

`python -m benchmarks.languages` writes results/languages.json and results/languages.md. One process
on one core; languages take turns, so that a slow spell of the machine meets every one.
"""

import json
import platform
import statistics
import time
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import click
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.language_texts import ASCII, LANGUAGES, corpus
from benchmarks.table import markdown
from dedup.documents import SketchParameters, sketch_texts
from dedup.lsh.parameters import choose_banding


@dataclass(frozen=True)
class Speed:
    """What one language took.

    Attributes
    ----------
    seconds : median of the rounds, of the process's time on its core.
    mb_ratio, token_ratio : bytes and tokens a second, divided by those of ASCII.
    """

    language: str
    text_bytes: int
    tokens: int
    seconds: float
    mb_ratio: float
    token_ratio: float


def sketched(texts: pa.Array, parameters: SketchParameters) -> tuple[float, int]:
    """Return the seconds that sketching takes, and the tokens there are."""
    start = time.process_time()
    tokens = sum(int(part.num_tokens.sum()) for part in sketch_texts(texts, parameters))
    return time.process_time() - start, tokens


def measure(size_bytes: int, rounds: int) -> list[Speed]:
    """Sketch every language, `rounds` times."""
    banding = choose_banding(Fraction("0.8"), 0.99)
    parameters = SketchParameters(ngram=5, seed=0, banding=banding, fingerprints=False)
    texts = {name: corpus(name, size_bytes) for name in LANGUAGES}
    sizes = {name: pc.sum(pc.binary_length(text)).as_py() for name, text in texts.items()}
    for text in texts.values():
        sketched(text[:100], parameters)  # tables are loaded once a process
    seconds: dict[str, list[float]] = {name: [] for name in LANGUAGES}
    tokens = {}
    for _ in range(rounds):
        for name, text in texts.items():
            taken, tokens[name] = sketched(text, parameters)
            seconds[name].append(taken)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    return [
        Speed(
            language=name,
            text_bytes=sizes[name],
            tokens=tokens[name],
            seconds=round(medians[name], 4),
            mb_ratio=round(sizes[name] / sizes[ASCII] * medians[ASCII] / medians[name], 3),
            token_ratio=round(tokens[name] / tokens[ASCII] * medians[ASCII] / medians[name], 3),
        )
        for name in LANGUAGES
    ]


def page(speeds: list[Speed]) -> str:
    """Return the speeds as Markdown."""
    header = ["text", "MB/s", "MB/s to ASCII", "million tokens/s", "tokens/s to ASCII"]
    header += ["bytes a token"]
    rows = [
        [
            speed.language,
            f"{speed.text_bytes / speed.seconds / 1e6:.0f}",
            f"{speed.mb_ratio:.0%}",
            f"{speed.tokens / speed.seconds / 1e6:.1f}",
            f"{speed.token_ratio:.0%}",
            f"{speed.text_bytes / speed.tokens:.1f}",
        ]
        for speed in speeds
    ]
    return markdown(header, rows)


@click.command()
@click.option("--megabytes", default=30.0, show_default=True, help="Text of each language.")
@click.option("--rounds", default=3, show_default=True)
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=Path("benchmarks/results"),
    show_default=True,
)
def main(megabytes: float, rounds: int, results: Path) -> None:
    """Measure the speed of sketching by language."""
    speeds = measure(int(megabytes * 1e6), rounds)
    results.mkdir(parents=True, exist_ok=True)
    machine = {"python": platform.python_version(), "numpy": np.__version__}
    raw = {"machine": machine, "rounds": rounds, "speeds": [asdict(speed) for speed in speeds]}
    (results / "languages.json").write_text(json.dumps(raw, indent=1) + "\n")
    (results / "languages.md").write_text(page(speeds) + "\n")
    click.echo(page(speeds))


if __name__ == "__main__":
    main()
