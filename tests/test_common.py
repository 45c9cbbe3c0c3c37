"""What is common in a source is left out: as the naive definition says, end to end."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import dedup
from dedup import common
from dedup.config import Config
from dedup.engines.local import LocalEngine
from dedup.engines.pool import WorkerPool
from dedup.errors import ConfigError, InputError
from dedup.io.inputs import discover
from dedup.output.result import Result
from dedup.pipeline import find
from dedup.sketch import frequency
from dedup.spill.scratch import Scratch
from tests import reference
from tests.templated_pages import NEVER_EQUAL, WORDS, pairs_of, templated_world

SURE = 0.999999


def compared_sets(table: pa.Table, sources: list[object], share: str) -> list[set[object]]:
    """Return the set that each document is compared by; one of its own for those of no tokens."""
    texts = table["text"].to_pylist()
    sets = [reference.shingles(text or "", 5) for text in texts]
    found = reference.without_common(sets, sources, Fraction(share))
    return [
        set(left) or ({("blank", i)} if text in NEVER_EQUAL else {("no token", text)})
        for i, (left, text) in enumerate(zip(found, texts, strict=True))
    ]


@pytest.mark.parametrize("within", [None, "host"])
@pytest.mark.parametrize("share", ["0.1", "0.3", "0.9"])
@pytest.mark.parametrize("seed", range(3))
def test_pairs_and_keepers_are_those_of_the_definition(
    seed: int, share: str, within: str | None
) -> None:
    table = templated_world(seed)
    sources = table["host"].to_pylist() if within else ["all"] * len(table)
    sets = compared_sets(table, sources, share)
    options = {"threshold": "0.6", "recall": SURE, "pairs": "all"}
    result = dedup.find_duplicates(
        table, ignore_common=float(share), common_within=within, **options
    )
    assert result.decisions.removed_by.tolist() == reference.greedy(sets, Fraction("0.6"))
    expected = reference.similar_pairs(sets, Fraction("0.6"))
    assert pairs_of(result) == pytest.approx({p: float(v) for p, v in expected.items()})
    has_tokens = result.corpus.num_tokens > 0
    sizes = np.array([len(each) for each in sets])
    assert result.corpus.num_shingles[has_tokens].tolist() == sizes[has_tokens].tolist()
    plain = dedup.find_duplicates(table, **options)
    if share != "0.9":
        assert pairs_of(plain) != pairs_of(result)


def test_the_summary_counts_what_was_ignored() -> None:
    table = templated_world(1)
    hosts = table["host"].to_pylist()
    before = [reference.shingles(text or "", 5) for text in table["text"].to_pylist()]
    after = reference.without_common(before, hosts, Fraction("0.3"))
    result = dedup.find_duplicates(table, ignore_common=0.3, common_within="host")
    ignored = result.summary["ignored_shingles"]
    total = sum(map(len, before))
    assert ignored["share_of_sets"] == pytest.approx(1 - sum(map(len, after)) / total)
    assert ignored["sources"] == len(ignored["by_source"]) == 3
    assert ignored["shingles"] == sum(each["shingles"] for each in ignored["by_source"])
    for each in ignored["by_source"]:
        mine = [i for i, host in enumerate(hosts) if host == each["source"] and before[i]]
        assert each["documents"] == len(mine)
        lost = sum(len(before[i]) - len(after[i]) for i in mine)
        assert each["share_of_sets"] == pytest.approx(lost / sum(len(before[i]) for i in mine))
        assert each["share_of_sets"] > 0.05
    assert dedup.find_duplicates(table).summary["ignored_shingles"] is None


def test_a_shingle_of_nine_documents_is_never_common() -> None:
    rng = np.random.default_rng(4)
    template = " ".join(rng.choice(WORDS, 40))
    for count, is_common in ((9, False), (10, True)):
        texts = [f"{template} {' '.join(rng.choice(WORDS, 10))}" for _ in range(count)]
        # Copies do not make it ten.
        table = pa.table({"text": [*texts, texts[0], texts[1].upper()]})
        result = dedup.find_duplicates(table, ignore_common=0.1)
        assert (result.summary["ignored_shingles"]["shingles"] > 0) == is_common
        assert result.summary["result"]["removed"] == 2


def test_sources_too_small_for_anything_common_are_warned_of() -> None:
    table = pa.table({"text": [f"page {i} of a template of some words" for i in range(20)]})
    for count, warned in ((9, True), (10, False)):
        warnings = dedup.find_duplicates(table[:count], ignore_common=0.5).summary["warnings"]
        assert any("--common-within" in warning for warning in warnings) == warned


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ignore_common": 0.0}, "ignore_common is 0.0; give a share above 0 and below 1"),
        ({"ignore_common": 1.0}, "ignore_common is 1.0"),
        ({"common_within": "host"}, "common_within is 'host' without ignore_common"),
        ({"simhash_weights": "idf"}, "simhash_weights is 'idf'; give one of set, tf"),
    ],
)
def test_values_that_make_no_sense(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Config(**options)  # type: ignore[arg-type]


def test_the_column_may_be_that_of_the_keeper_policy() -> None:
    table = templated_world(0)
    options = {"ignore_common": 0.3, "common_within": "host", "pairs": "all"}
    found = dedup.find_duplicates(table, keep="max:host", **options)
    assert pairs_of(found) == pairs_of(dedup.find_duplicates(table, **options))


def test_a_column_that_is_not_there() -> None:
    with pytest.raises(InputError, match="hots"):
        dedup.find_duplicates(templated_world(0), ignore_common=0.5, common_within="hots")


def test_more_than_the_share_is_exact() -> None:
    """12 of 40 are not more than 0.3 of them, though the binary 0.3 is a little less."""
    rng = np.random.default_rng(3)
    for count, is_common in ((12, False), (13, True)):
        own = [" ".join(rng.choice(WORDS, 20)) for _ in range(40)]
        texts = [("one two three four five " if i < count else "") + own[i] for i in range(40)]
        result = dedup.find_duplicates(pa.table({"text": texts}), ignore_common=0.3)
        assert result.summary["ignored_shingles"]["shingles"] == is_common


def test_tables_do_not_depend_on_workers_or_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pa.concat_tables([templated_world(seed) for seed in range(4)])
    paths = [tmp_path / f"{name}.parquet" for name in ("a", "b")]
    for path, half in zip(paths, (table.slice(0, 300), table.slice(300)), strict=True):
        pq.write_table(half, path, row_group_size=40)
    files = discover(paths).files

    def run(engine: LocalEngine, folder: str | None, within: str | None) -> Result:
        config = Config(
            ignore_common=0.2, common_within=within, method="both", simhash_weights="tf"
        )
        return find(files, config, engine, Scratch(folder, held=0), None)

    for within in (None, "host"):
        expected = run(LocalEngine(), None, within)
        assert expected.clusters.num_rows > 100
        assert expected.summary["ignored_shingles"]["shingles"] > 50
        with monkeypatch.context() as small:
            small.setattr(common, "CHUNK_SHINGLES", 900)
            small.setattr(frequency, "CHUNK_SHINGLES", 300)
            small.setattr(common, "_BATCH_SHINGLES", 70)
            small.setattr(common, "MAX_OWNERS", 2)
            engine = LocalEngine(batch_documents=7, read_bytes=500, part_bytes=3000)
            same(run(engine, str(tmp_path), within), expected)
        with WorkerPool(1) as pool:
            same(run(LocalEngine(pool, part_bytes=9000), str(tmp_path), within), expected)


def same(found: Result, expected: Result) -> None:
    assert found.clusters.equals(expected.clusters)
    assert found.pairs.equals(expected.pairs)
    assert found.summary["ignored_shingles"] == expected.summary["ignored_shingles"]
