"""Runs on files: each task reads its own part, and the tables are those of a local run."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import dedup
import dedup.spark
from dedup.cli import cli
from dedup.engines.spark import files as spark_files
from dedup.engines.spark import job
from dedup.engines.spark.job import _refused
from dedup.engines.spark.session import SHORT_BYTES, scratch_folder, session
from dedup.engines.spark.stages import Stages
from dedup.ids import id_warnings
from dedup.io.filtered import KINDS
from dedup.jobs.guard import removal_tables
from dedup.report.overview import show
from tests.engines.conftest import need_java
from tests.worlds import world

SAMPLE = Path(__file__).parents[2] / "data" / "sample.warc.gz"


def write_files(folder: Path) -> None:
    """Write a world into files whose columns differ in type: ids, a score, no ids at all."""
    texts = world(150, seed=5, num_tokens=40)
    score = np.random.default_rng(5).integers(0, 30, len(texts)).tolist()
    with open(folder / "a.jsonl", "w", encoding="utf-8") as file:
        for number in range(60):
            file.write(json.dumps({"id": number, "text": texts[number], "score": score[number]}))
            file.write("\nno JSON\n" if number == 20 else "\n")
    with open(folder / "b.csv", "w", encoding="utf-8", newline="") as file:
        file.write("id,text,score\n")
        for number in range(60, 110):
            file.write(f'x{number},"{texts[number]}",{score[number] + 0.5}\n')
    table = pa.table({"text": texts[110:], "score": score[110:]})
    pq.write_table(table, folder / "c.parquet", row_group_size=7)


def same_output(folder: Path, expected: dedup.Result) -> dict[str, Any]:
    """Compare the tables of a folder with a local result, row for row."""
    for name in ("clusters", "pairs"):
        found, wanted = pq.read_table(folder / f"{name}.parquet"), getattr(expected, name)
        assert found.column_names == wanted.column_names
        assert found.to_pylist() == wanted.to_pylist()
    removed = pq.read_table(folder / "removed.parquet")
    positions = np.flatnonzero(expected.decisions.removed)
    assert removed["position"].to_pylist() == positions.tolist()
    summary: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    for name, value in summary["input"].items():
        only_of_runs = {"arguments", "sources"} - set(expected.summary["input"])
        if name not in {"text_bytes", *only_of_runs}:  # bytes of batches, which differ
            assert value == expected.summary["input"][name], name
    for name in ("warnings", "removal"):
        assert summary[name] == expected.summary[name]
    return summary


def test_mixed_files(spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spark_files, "PART_BYTES", 10_000)
    data, out, local = (tmp_path / name for name in ("data", "out", "local"))
    data.mkdir()
    write_files(data)
    config = dedup.Config(keep="max:score", within="file", threshold=0.7)
    expected = dedup.run([data], local / "out", config, **copies_in(local))
    assert expected.summary["input"]["problems"] == {"not JSON": 1}
    assert expected.summary["result"]["removed"] > 20
    few = replace(config, max_removal=0.1)
    with pytest.raises(dedup.DedupError, match=r"15\.9% of the documents .* than --max-removal"):
        dedup.spark.run([data], out, few, partitions=2, kept=tmp_path / "kept")
    assert not [*tmp_path.glob("kept/**/*")]
    same_output(out, expected)
    assert show(out).largest == show(local / "out").largest
    pages = [dedup.write_report(place).read_text("utf-8") for place in (out, local / "out")]
    data_of_both = [page.partition('id="data">')[2].partition("</script>")[0] for page in pages]
    assert data_of_both[0] == data_of_both[1]
    assert '"texts":[]' not in data_of_both[0]
    again_by_uri(data, tmp_path, config, expected)


def copies_in(folder: Path) -> dict[str, Any]:
    """Return the arguments for all copies."""
    return {kind: folder / kind for kind in KINDS}


def again_by_uri(data: Path, folder: Path, config: dedup.Config, expected: dedup.Result) -> None:
    """Write to a URI of Hadoop's, over what is ours alone, with copies of the input."""
    out = folder / "by-uri"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    with pytest.raises(dedup.OutputExistsError, match="is already there"):
        dedup.spark.run([data], out.as_uri(), config)
    with pytest.raises(dedup.OutputExistsError, match="was not written by dedup"):
        dedup.spark.run([data], out.as_uri(), config, overwrite=True)
    (out / "notes.txt").rename(out / "summary.json")
    (out / "summary.json").write_text('{"format": "dedup-summary-1"}')
    dedup.spark.run([data], out.as_uri(), config, overwrite=True, partitions=1, **copies_in(folder))
    summary = same_output(out, expected)
    assert (out / "_SUCCESS").exists()
    assert summary["output"] == expected.summary["output"]
    for kind in KINDS:
        wanted = {file.name: file.read_bytes() for file in (folder / "local" / kind).iterdir()}
        assert {file.name: file.read_bytes() for file in (folder / kind).iterdir()} == wanted
    dedup.filter_files(out, [data], removed=folder / "later")
    for file in (folder / "later").iterdir():
        assert file.read_bytes() == (folder / "removed" / file.name).read_bytes()


@pytest.mark.parametrize("driver_bytes", [0, 1000])
def test_ids_are_counted_here_or_by_tasks(
    spark: Any, tmp_path: Path, driver_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "DRIVER_BYTES", driver_bytes)
    stages = Stages(spark, tmp_path.as_uri() + "/scratch", None)
    names = [(name,) for name in ("a", None, "b", "a", None, "c", "a")]
    stages.written("sketches", spark.createDataFrame(names, "doc_id string"))
    documents = spark.createDataFrame(names, "doc_id string")
    found = job.warnings_of_ids(stages, documents, strict=False)
    assert found == id_warnings(2, 2, strict=False)
    with pytest.raises(dedup.InputError):
        job.warnings_of_ids(stages, documents, strict=True)
    stages.close()


def test_java_compiles_lightly_for_a_short_run(monkeypatch: pytest.MonkeyPatch) -> None:
    need_java()
    from pyspark.sql import SparkSession

    options: list[str | None] = []

    class Builder:
        """Stands for a builder that starts Java."""

        def config(self, name: str, value: str) -> Any:
            return self

        def getOrCreate(self) -> str:  # noqa: N802
            options.append(os.environ.get("SPARK_SUBMIT_OPTS"))
            return "session"

    builder: Any = Builder()
    monkeypatch.setattr(SparkSession, "getActiveSession", lambda: None)
    monkeypatch.delenv("SPARK_SUBMIT_OPTS", raising=False)
    for num_bytes in (None, SHORT_BYTES, SHORT_BYTES - 1):
        assert session(builder, num_bytes) == "session"
        assert "SPARK_SUBMIT_OPTS" not in os.environ
    monkeypatch.setenv("SPARK_SUBMIT_OPTS", "-Dmine=1")
    session(builder, 0)
    assert os.environ["SPARK_SUBMIT_OPTS"] == "-Dmine=1"
    light = "-XX:TieredStopAtLevel=1"
    assert options == [None, None, light, f"{light} -Dmine=1"]


def test_what_goes_wrong_in_a_task_is_one_sentence(spark: Any, tmp_path: Path) -> None:
    path = tmp_path / "broken.parquet"
    table = pa.table({"text": [f"some words {number}" for number in range(900)]})
    pq.write_table(table, path, compression="none", use_dictionary=False)
    octets = path.read_bytes()
    path.write_bytes(octets[:4] + b"\xff" * 40 + octets[44:])
    with pytest.raises(dedup.InputError, match=r"^broken\.parquet cannot be read .*\.$"):
        dedup.spark.run([path], None, dedup.Config())


@pytest.mark.slow
def test_the_sample_crawl_by_the_command(spark: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ["run", str(SAMPLE), "-o", str(out), "--engine", "spark"]
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert "duplicates                 144" in done.output
    wanted = tmp_path / "wanted"
    summary = same_output(out, dedup.run([SAMPLE], tmp_path / "local", dedup.Config(), kept=wanted))
    assert summary["result"]["clusters"] == 93
    assert summary["removal"]["column"] == "host"
    dedup.filter_files(out, [SAMPLE], kept=tmp_path / "kept")
    octets = [(place / SAMPLE.name).read_bytes() for place in (tmp_path / "kept", wanted)]
    assert octets[0] == octets[1]
    audited = [dedup.audit(place, [SAMPLE]) for place in (out, tmp_path / "local")]
    assert audited[0] == audited[1]


@pytest.mark.parametrize("is_there", [False, True])
def test_a_run_that_is_refused_replaces_nothing(is_there: bool) -> None:
    summary: dict[str, Any] = {
        "result": {"removed_share": 0.95},
        "removal": {"column": "file", "groups": [], "highest": None, "keepers": []},
    }
    target: Any = SimpleNamespace(name="out", is_there=is_there)
    if is_there:
        with pytest.raises(dedup.DedupError, match="nothing was written, and out is as it was"):
            _refused(summary, dedup.Config(), target)
    else:
        error = _refused(summary, dedup.Config(), target)
        assert "only the tables were written, to out" in str(error)
        assert _refused(summary, dedup.Config(max_removal=0.96), target) is None
    assert _refused(summary, dedup.Config(), None) is None  # a dry run


def test_the_command_prints_what_would_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path)
    local = dedup.find_duplicates(tmp_path, threshold=0.7)
    asked: list[dict[str, Any]] = []

    def run(inputs: Any, output: Any, config: dedup.Config, **options: Any) -> dict[str, Any]:
        asked.append({"output": output, "threshold": config.threshold, **options})
        return local.summary

    monkeypatch.setattr("dedup.spark.run", run)
    spark = ["run", str(tmp_path), "--engine", "spark", "--threshold", "0.7"]
    uri = "hdfs://user:secret@host/out"
    done = CliRunner().invoke(cli, [*spark, "-o", uri, "--kept", "k"], catch_exceptions=False)
    assert done.output.endswith("results in hdfs://host/out\n")
    done = CliRunner().invoke(cli, [*spark, "--dry-run"], catch_exceptions=False)
    assert done.output.endswith(removal_tables(local.summary["removal"]) + "\n")
    assert [(one["output"], one["kept"], float(one["threshold"])) for one in asked] == [
        (uri, "k", 0.7),
        (None, None, 0.7),
    ]


def test_what_is_not_for_spark(tmp_path: Path) -> None:
    arguments = ["run", str(SAMPLE), "-o", str(tmp_path / "out"), "--engine", "spark"]
    for option, cure in (
        ("--keep-evidence", "or run on this machine"),
        ("--report", "use dedup report on the folder afterwards"),
        ("--restart", "is never continued"),
    ):
        done = CliRunner().invoke(cli, [*arguments, option])
        assert done.exit_code == 2
        words = " ".join(done.output.split())
        assert f"{option} is not for --engine spark; " in words
        assert cure in words
    with pytest.raises(dedup.ConfigError, match=r"removed is given for web archives \(sample\.w"):
        dedup.spark.run([SAMPLE], None, dedup.Config(), removed=tmp_path)
    for options in (
        {"method": "simhash"},
        {"measure": "containment"},
        {"ignore_common": 0.5},
        {"skip_bad_files": True},
    ):
        with pytest.raises(dedup.ConfigError, match="which the Spark engine does not have"):
            dedup.spark.run([SAMPLE], None, dedup.Config(**options))
    with pytest.raises(dedup.ConfigError, match="standard input is not for Spark"):
        dedup.spark.run(["-"], None, dedup.Config())


def test_scratch_folders_of_sessions_that_are_elsewhere() -> None:
    connect = type("SparkSession", (), {"__module__": "pyspark.sql.connect.session"})
    with pytest.raises(dedup.ConfigError, match="one of Spark Connect"):
        scratch_folder(connect(), "/tmp")
    cluster = SimpleNamespace(conf={"spark.master": "yarn"})
    with pytest.raises(dedup.ConfigError, match="scratch is not given"):
        scratch_folder(cluster, None)
    assert scratch_folder(cluster, "hdfs:///tmp/").startswith("hdfs:///tmp/dedup-")
