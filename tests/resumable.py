"""Runs in processes of their own that can be killed at a moment, and continued."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.worlds import world

ROOT = Path(__file__).parents[1]
TEXTS = world(1200, seed=21)

SCRIPT = """
import os, signal, sys
import dedup, dedup.jobs.local
dedup.jobs.local.SMALL_BYTES = 0
folder, workers, moment = sys.argv[1], int(sys.argv[2]), sys.argv[3]

def die(*_, **__):
    if moment.endswith("alone"):
        os.kill(os.getpid(), signal.SIGKILL)
    os.killpg(0, signal.SIGKILL)

parts = 0
def progress(done, total):
    global parts
    parts += 1
    if moment.startswith(f"part {parts}"):
        die()

def patch(owner, name, calls=1):
    real, left = getattr(owner, name), [calls]
    def patched(*arguments, **options):
        left[0] -= 1
        if not left[0]:
            die()
        return real(*arguments, **options)
    setattr(owner, name, patched)

if moment == "search":
    import dedup.pipeline
    patch(dedup.pipeline, "search")
elif moment == "tables":
    import dedup.output.result
    patch(dedup.output.result, "write_evidence")
elif moment == "copies":
    import dedup.io.filtered
    patch(dedup.io.filtered, "_write", 2)
elif moment == "commit":
    from dedup.io.filtered import FilteredCopies
    real_commit = FilteredCopies.commit
    def commit(self):
        patch(os, "replace", 2)
        real_commit(self)
    FilteredCopies.commit = commit
elif moment in ("rename 1", "rename 2"):
    from pathlib import Path
    patch(Path, "rename", int(moment[-1]))
elif moment == "end":
    from dedup.jobs.workspace import Workspace
    patch(Workspace, "_clear", 2)

result = dedup.run(
    [folder + "/in"], folder + "/out", dedup.Config(workers=workers), kept=folder + "/kept",
    keep_evidence=True, overwrite=sys.argv[4] == "overwrite", progress=progress,
)
print(result.summary["resumed_parts"])
"""


def filled(folder: Path) -> Path:
    """Make some Parquet files and a compressed stream: a part each."""
    inside = folder / "in"
    inside.mkdir()
    for number, name in enumerate("abcdefgh"):
        table = pa.table({"text": TEXTS[number * 125 : (number + 1) * 125]})
        pq.write_table(table, inside / f"{name}.parquet")
    lines = "".join(json.dumps({"text": text}) + "\n" for text in TEXTS[1000:])
    (inside / "i.jsonl.gz").write_bytes(gzip.compress(lines.encode(), mtime=0))
    return folder


def run(
    folder: Path, moment: str = "", workers: int = 2, overwrite: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run in a process of its own, which is killed at a moment where one is named."""
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder), str(workers), moment, overwrite],
        capture_output=True,
        text=True,
        timeout=60,
        start_new_session=True,
        cwd=ROOT,
    )


def results(folder: Path) -> dict[str, bytes]:
    """Return all that a run has written, but for what depends on the time and the machine."""
    found = {}
    for part in ("out", "kept"):
        for path in sorted((folder / part).rglob("*")):
            if path.is_file() and path.name not in ("summary.json", "manifest.json"):
                found[str(path.relative_to(folder))] = path.read_bytes()
    return found


def hidden(folder: Path) -> list[str]:
    """Return the hidden files and folders below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob(".*"))


def undisturbed(folder: Path) -> dict[str, bytes]:
    """Return the results of a run that nothing disturbs."""
    done = run(filled(folder))
    assert done.returncode == 0, done.stderr
    assert done.stdout == "0\n"
    assert hidden(folder) == []
    return results(folder)


def command(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command on the same folder."""
    code = "from dedup.jobs import local; local.SMALL_BYTES = 0; from dedup.cli import main; main()"
    return subprocess.run(
        [
            *(sys.executable, "-c", code, "run", str(folder / "in")),
            *("-o", str(folder / "out"), "--kept", str(folder / "kept"), "--keep-evidence"),
            *map(str, arguments),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
    )
