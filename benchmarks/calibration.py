"""How often the limits of an audit hold the true recall, on generated documents with known pairs.

`python -m benchmarks.calibration` writes results/calibration.json and results/calibration.md.
Each seed is a corpus of its own, a run of it by the bands that dedup chooses and by weak ones,
which no option gives, and one `dedup.audit` of each run, from its evidence. Where a sample would
have to be large, an audit joins all documents instead; here it may not, for an estimate is wanted.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from unittest import mock

import click
import numpy as np
import pyarrow.parquet as pq

import dedup
from benchmarks.table import markdown
from benchmarks.web_documents import WebDocuments, write_documents
from benchmarks.web_pairs import LEAST_JACCARD, write_pairs
from dedup.lsh.parameters import Banding

BANDINGS = {"dedup's own": None, "4 of 8 rows": Banding(4, 8), "1 of 8 rows": Banding(1, 8)}
GROUP_DOCUMENTS = 50_000
#: The figures of an audit that have limits, and what they are of.
SHARES = {"recall": "recall", "recall_of_unlike": "unlike sets", "left": "left"}


@dataclass(frozen=True)
class Sample:
    """One audit of one run.

    Attributes
    ----------
    true : of each of `SHARES`, by the pairs of the corpus.
    limits : of each, (low, high).
    compared : documents that were compared with all others.
    """

    seed: int
    true: dict[str, float]
    limits: dict[str, tuple[float, float]]
    compared: int

    def holds(self, name: str) -> bool:
        """Tell whether the limits hold the truth.

        Where a sample came to be all documents, both limits are the truth but for the last bits.
        """
        low, high = self.limits[name]
        return low - 1e-12 <= self.true[name] <= high + 1e-12

    @property
    def half_width(self) -> float:
        """Return the larger half-width of both recalls."""
        both = (self.limits[name] for name in ("recall", "recall_of_unlike"))
        return max((high - low) / 2 for low, high in both)


def true_shares(run: Path, truth: Path, documents: int) -> dict[str, float]:
    """Return the shares of true pairs that an audit estimates.

    A pair is found where both documents lie in one cluster: with the pairs that decided, the pairs
    table has no others.
    """
    left, right, jaccard = (column.to_numpy() for column in pq.read_table(truth).columns)
    rows = pq.read_table(run / "clusters.parquet", columns=["position", "cluster_id", "is_keeper"])
    position, keeper, is_keeper = (column.to_numpy() for column in rows.columns)
    cluster = np.arange(documents)
    cluster[position] = keeper
    kept = np.ones(documents, np.bool_)
    kept[position[~is_keeper]] = False
    found = cluster[left] == cluster[right]
    return {
        "recall": float(found.mean()),
        "recall_of_unlike": float(found[jaccard < 1].mean()),
        "left": float((~found & kept[left] & kept[right]).mean()),
    }


def by_bands(banding: Banding | None) -> AbstractContextManager[object]:
    """Let runs search by some bands, or by those that dedup chooses."""
    if banding is None:
        return nullcontext()
    return mock.patch("dedup.search.choose_banding", return_value=banding)


def samples(documents: int, seed: int, folder: Path) -> Iterator[tuple[str, Sample]]:
    """Yield the name of the bands, and an audit of a run by them."""
    config = dedup.Config(threshold=str(LEAST_JACCARD))
    web = WebDocuments(seed)
    text, truth, run = folder / "web.parquet", folder / "pairs.parquet", folder / "run"
    write_documents(web, text, 0, documents, GROUP_DOCUMENTS)
    write_pairs(web, documents, truth)
    for name, banding in BANDINGS.items():
        with by_bands(banding):
            dedup.run([text], run, config, keep_evidence=True, overwrite=True)
        true = true_shares(run, truth, documents)
        with mock.patch.multiple("dedup.evaluation.audit", _CENSUS_SHARE=1, _CENSUS_MOST=0):
            found = dedup.audit(run, seed=seed)
        limits = {each: (found[each]["low"], found[each]["high"]) for each in SHARES}
        yield name, Sample(seed, true, limits, found["compared"])


def measure(documents: int, seeds: int, folder: Path) -> dict[str, list[Sample]]:
    """Return a sample for each seed by the name of the bands."""
    measured: dict[str, list[Sample]] = {name: [] for name in BANDINGS}
    for seed in range(seeds):
        for name, sample in samples(documents, seed, folder):
            measured[name].append(sample)
    return measured


def page(documents: int, measured: dict[str, list[Sample]]) -> str:
    """Return the results as Markdown."""
    header = ["bands", "true recall", "unlike sets"]
    header += [f"held: {name}" for name in SHARES.values()]
    header += ["widest half-width", "documents compared"]
    rows = []
    for name, some in measured.items():
        held = [sum(one.holds(share) for one in some) for share in SHARES]
        rows.append(
            [
                name,
                *(_range([one.true[share] for one in some]) for share in list(SHARES)[:2]),
                *(f"{count} of {len(some)}" for count in held),
                f"{max(one.half_width for one in some):.4f}",
                f"{median(one.compared for one in some):,.0f}",
            ]
        )
    return (
        "# The limits of `dedup audit`, and the truth\n\n"
        f"Each sample is of a generated corpus of its own, {documents:,} documents, at Jaccard "
        f"{LEAST_JACCARD}. *Held* are the samples whose limits of 95 % hold the true value, of "
        "recall, of recall where sets differ, and of what was left; the documents compared are the "
        "median.\n\n"
        f"{markdown(header, rows)}\n"
    )


def _range(values: list[float]) -> str:
    low, high = f"{min(values):.4f}", f"{max(values):.4f}"
    return low if low == high else f"{low}–{high}"


@click.command()
@click.option("--documents", default=100_000, show_default=True, help="Of each corpus.")
@click.option("--seeds", default=100, show_default=True, help="Corpora, and samples of each run.")
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=Path("benchmarks/results"),
    show_default=True,
)
@click.option(
    "--scratch",
    type=click.Path(path_type=Path),
    default=Path("build/calibration"),
    show_default=True,
)
def main(documents: int, seeds: int, results: Path, scratch: Path) -> None:
    """Count how often the limits of an audit hold the true recall."""
    scratch.mkdir(parents=True, exist_ok=True)
    results.mkdir(parents=True, exist_ok=True)
    measured = measure(documents, seeds, scratch)
    shutil.rmtree(scratch)
    raw = {name: [asdict(one) for one in some] for name, some in measured.items()}
    (results / "calibration.json").write_text(json.dumps(raw) + "\n")
    (results / "calibration.md").write_text(page(documents, measured))
    click.echo(page(documents, measured))


if __name__ == "__main__":
    main()
