"""The tools that are compared: a module and a process each, from Parquet to Parquet.

A peer's module has ``find_pairs(task)``, which reads the corpus, finds the pairs at the threshold
through the tool's own best public interface, on all cores, and returns them as positions. Adding a
peer is adding a module and a line to ``PEERS``.
"""

import os
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

OURS, OWN = "ours", "own tokenisation"


@dataclass(frozen=True)
class Task:
    """What every peer is asked to do.

    Attributes
    ----------
    corpus : a Parquet file.
    text_column, id_column : its columns; ids are unique.
    threshold : the least Jaccard of a pair.
    text_file : the same text as a plain file, for ``wc``.
    """

    corpus: Path
    text_column: str
    id_column: str
    threshold: float
    text_file: Path


@dataclass(frozen=True)
class Peer:
    """One tool.

    Attributes
    ----------
    name : as in ``--peers``; also its module here, unless the tool is a command by itself.
    title : in the table.
    distribution : the Python distribution that brings it; "" for a command of the system.
    tokens : OURS where the tool takes our shingles, OWN where it insists on its own.
    finds_pairs : False for the yardstick.
    """

    name: str
    title: str
    distribution: str
    tokens: str = OURS
    finds_pairs: bool = True

    def version(self) -> str | None:
        """Return the installed version, None where it is not installed."""
        try:
            return metadata.version(self.distribution) if self.distribution else ""
        except metadata.PackageNotFoundError:
            return None

    def command(self, task: Task, out: Path) -> list[str]:
        """Return the command line of one run; ``out`` is a folder that does not exist yet."""
        if self.name == "wc":
            return ["wc", "-w", str(task.text_file)]
        if self.name in ("dedup", "dedup_exact"):
            return [
                *(
                    str(Path(sys.executable).with_name("dedup")),
                    "run",
                    str(task.corpus),
                    "-o",
                    str(out),
                ),
                *("--text-column", task.text_column, "--id-column", task.id_column),
                *("--threshold", str(task.threshold), "--pairs", "all", "--quiet"),
                *(("--method", "exact") if self.name == "dedup_exact" else ()),
            ]
        return [
            *(sys.executable, "-m", f"benchmarks.peers.{self.name}", str(task.corpus), str(out)),
            *(task.text_column, task.id_column, str(task.threshold)),
        ]

    def environment(self) -> dict[str, str]:
        """Return the environment of a run: plain locale, no network, cached bytecode."""
        inherited = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        return {
            **inherited,
            "LC_ALL": "C" if self.name == "wc" else "C.UTF-8",
            "HF_HUB_OFFLINE": "1",
        }


PEERS = (
    Peer("wc", "wc -w (reading alone)", "", "", finds_pairs=False),
    Peer("dedup", "dedup", "dedup-lsh"),
    Peer("dedup_exact", "dedup --method exact", "dedup-lsh"),
    Peer("gaoya", "gaoya", "gaoya", OWN),
    Peer("rensa", "rensa", "rensa"),
    Peer("rensa_pool", "rensa, a process a core", "rensa"),
    Peer("datasketch", "datasketch, a process a core", "datasketch"),
    Peer("datatrove", "datatrove", "datatrove"),
    Peer("text_dedup", "text-dedup", "text-dedup", OWN),
)

ON_SPARK = (
    Peer("dedup_spark", "dedup --engine spark", "dedup-lsh"),
    Peer("dedup_spark_session", "dedup.spark in a given session", "dedup-lsh"),
    Peer("spark_mllib", "Spark MLlib MinHashLSH", "pyspark", OWN),
    Peer("spark_text_dedup", "text-dedup's Spark plan", "pyspark", OWN),
)
"""Those that need a Java, and run where they are asked for by name."""
