"""What deduplication adds to the extraction of text, on a generated crawl.

``python -m benchmarks.crawl [PAGES]`` writes two WARC files, times the extraction of their main
text alone in two processes, then ``dedup run`` with two workers, in turns, and prints pages/s and
MB/s of HTML of each.
"""

from __future__ import annotations

import gzip
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from multiprocessing import get_context
from pathlib import Path

__all__ = ["generate"]

FILES = 2
ROUNDS = 2


def generate(folder: Path, num_pages: int) -> int:
    """Write the crawl, a fifth of it near-duplicates, and return its bytes of HTML."""
    random.seed(7)
    words = ["".join(random.choices("abcdefghijklmnoprstu", k=k % 8 + 3)) for k in range(20_000)]
    size, last = 0, ""
    menu = "".join(f"<li><a href='/{word}'>{word}</a></li>" for word in words[:60])
    for number in range(FILES):
        with open(folder / f"{number}.warc.gz", "wb") as out:
            for page in range(number, num_pages, FILES):
                if page % 5 or not last:
                    last = "".join(
                        f"<p>{' '.join(random.choices(words, k=80))}.</p>" for _ in range(8)
                    )
                body = (
                    f"<html><head><title>{page}</title></head><body><nav><ul>{menu}</ul></nav>"
                    f"<main><h1>Page {page}</h1>{last}</main><footer>{page}</footer></body></html>"
                ).encode()
                size += len(body)
                block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + body
                head = (
                    "WARC/1.0\r\nWARC-Type: response\r\nWARC-Date: 2024-01-01T00:00:00Z\r\n"
                    f"WARC-Target-URI: https://h{page % 97}.example/{page}\r\n"
                    "Content-Type: application/http; msgtype=response\r\n"
                    f"Content-Length: {len(block)}\r\n\r\n"
                ).encode()
                out.write(gzip.compress(head + block + b"\r\n\r\n", 3))
    return size


def extract(path: str) -> int:
    """Extract the main text of all pages of a file and return their number."""
    from dedup.io.pages import pages

    found = (page for _, page in pages(path, Counter()) if page is not None)
    return sum(bool(page.content("main").text) for page in found)


def main() -> None:
    """Run and print."""
    num_pages = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    with tempfile.TemporaryDirectory() as name:
        size = generate(Path(name), num_pages)
        paths = [str(path) for path in sorted(Path(name).glob("*.warc.gz"))]
        command = [sys.executable, "cli.py", "run", *paths, "--dry-run", "-q", "--workers", "2"]
        for _ in range(ROUNDS):
            start = time.perf_counter()
            with get_context("spawn").Pool(FILES) as pool:
                assert sum(pool.map(extract, paths)) == num_pages
            alone = time.perf_counter() - start
            start = time.perf_counter()
            subprocess.run(command, check=True)
            whole = time.perf_counter() - start
            for what, seconds in (("extraction alone", alone), ("dedup run", whole)):
                rates = f"{num_pages / seconds:,.0f} pages/s {size / seconds / 1e6:.1f} MB/s"
                print(f"{what:18}{seconds:7.2f} s  {rates}", flush=True)
            print(f"dedup adds        {whole / alone - 1:7.1%}", flush=True)


if __name__ == "__main__":
    main()
