"""What vanishes, changes or is killed in the midst of a run: a sentence, and nothing lost."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import dedup
from dedup.config import Config
from dedup.engines import pool
from dedup.output.result import Result
from tests.jobs.conftest import TEXTS, contents, hidden, sentence


def test_scratch_that_vanishes(
    inside: Path, tmp_path: Path, old: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def vanish(*_: object, **__: object) -> None:
        shutil.rmtree(tmp_path / ".out.scratch")
        raise FileNotFoundError(2, "No such file or directory", str(tmp_path / ".out.scratch"))

    monkeypatch.setattr("dedup.pipeline.search", vanish)
    message = sentence([inside], tmp_path / "out", overwrite=True)
    assert message == (
        f"the scratch folder {tmp_path}/.out.scratch has vanished during the run; run it again."
    )
    assert contents(tmp_path / "out") == old


def vanish(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))


def rewrite(path: Path) -> None:
    pq.write_table(pa.table({"text": [*TEXTS[:500], "one more"]}), path)


@pytest.mark.parametrize("stage", ["reading", "searching", "copying", "committing"])
@pytest.mark.parametrize("change", [vanish, rewrite])
def test_input_that_changes_midway(
    inside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str, change: Any
) -> None:
    changed = []

    def once(*_: object) -> None:
        if not changed:
            changed.append(change(inside / "2.parquet"))

    def before(owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def patched(*arguments: Any, **options: Any) -> Any:
            once()
            return real(*arguments, **options)

        monkeypatch.setattr(owner, name, patched)

    if stage == "searching":
        before(sys.modules["dedup.pipeline"], "search")
    elif stage == "copying":
        before(Result, "write_copies")
    elif stage == "committing":
        before(Result, "write_into")
    progress = once if stage == "reading" else None
    out, kept = tmp_path / "out", tmp_path / "kept"
    message = sentence([inside], out, kept=kept, progress=progress)
    what = "is gone" if change is vanish else ": size "
    assert message.startswith(
        f"the input changed during the run (file {inside}/2.parquet{what}"[:60]
    )
    assert what in message
    assert not out.exists()
    assert not kept.exists() or not any(kept.iterdir())
    if change is rewrite:  # what was read is worth nothing
        assert hidden(tmp_path) == []
        return
    (inside / "elsewhere").rename(inside / "2.parquet")
    assert dedup.run([inside], out, Config(), kept=kept).summary["resumed_parts"] > 0
    assert hidden(tmp_path) == []


def test_a_worker_killed_by_the_kernel(
    inside: Path, tmp_path: Path, old: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its work is lost, that of others is kept; the old output stays until the run is repeated."""
    started: list[pool.Worker] = []
    real = pool.Worker.__init__

    def noted(worker: pool.Worker, *arguments: Any) -> None:
        real(worker, *arguments)
        started.append(worker)

    monkeypatch.setattr(pool.Worker, "__init__", noted)

    def kill(*_: object) -> None:
        for worker in started:
            worker._process.kill()

    out = tmp_path / "out"
    with monkeypatch.context() as deadly:
        real_call = pool.Worker.call

        def call(worker: pool.Worker, task: object) -> Any:
            kill()
            return real_call(worker, task)

        deadly.setattr(pool.Worker, "call", call)
        with pytest.raises(dedup.DedupError) as caught:
            dedup.run([inside], out, Config(workers=3), overwrite=True)
    assert "a worker process was killed (signal 9)" in str(caught.value)
    assert "--memory" in str(caught.value)
    assert contents(out) == old
    result = dedup.run([inside], out, Config(workers=3), overwrite=True)
    assert result.summary["input"]["documents"] == 1500
    assert hidden(tmp_path) == []
