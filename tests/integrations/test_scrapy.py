"""The Scrapy pipeline, with a real spider on a local server."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import dedup

ROOT = Path(__file__).parents[2]
SPIDER = """
import json, sys, scrapy
from scrapy.crawler import CrawlerProcess

class Pages(scrapy.Spider):
    name = "pages"
    start_urls = [sys.argv[1] + "/0.html"]
    def parse(self, response):
        text = " ".join(response.css("p::text").getall())
        yield {"url": response.url.rpartition("/")[2], "text": text}
        yield from response.follow_all(css="a.next")

process = CrawlerProcess(json.loads(sys.argv[2]))
crawler = process.create_crawler(Pages)
process.crawl(crawler)
process.start()
stats = crawler.stats.get_stats()
print(json.dumps({name: value for name, value in stats.items() if name.startswith("dedup/")}))
"""
STORY = [f"word{number}" for number in range(200)]
OTHER = [f"other{number}" for number in range(200)]
PAGES = [STORY, OTHER, [*STORY[:199], "changed"], OTHER, [word.upper() for word in STORY], []]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """Serve the pages, each with a link to the next one."""
    (tmp_path / "site").mkdir()
    for number, words in enumerate(PAGES):
        link = (
            f'<a class="next" href="{number + 1}.html">next</a>' if number + 1 < len(PAGES) else ""
        )
        page = f"<html><body><p>{' '.join(words)}</p>{link}</body></html>"
        (tmp_path / "site" / f"{number}.html").write_text(page)
    handler = partial(Quiet, directory=str(tmp_path / "site"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def crawl(
    site: str, tmp_path: Path, **settings: Any
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Return the items that came out, and the pipeline's counts."""
    out = tmp_path / "items.jsonl"
    out.unlink(missing_ok=True)
    given = {
        "ITEM_PIPELINES": {"dedup.integrations.scrapy.DedupPipeline": 300},
        "DEDUP_INDEX": str(tmp_path / "seen"),
        "FEEDS": {str(out): {"format": "jsonlines"}},
        "LOG_LEVEL": "ERROR",
        "TELNETCONSOLE_ENABLED": False,
    }
    done = subprocess.run(
        [sys.executable, "-c", SPIDER, site, json.dumps(given | settings)],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        timeout=120,
    )
    return [json.loads(line) for line in out.read_text().splitlines()], json.loads(done.stdout)


def test_a_crawl_keeps_what_is_new_and_the_next_one_nothing(site: str, tmp_path: Path) -> None:
    items, counts = crawl(site, tmp_path)
    assert [item["url"] for item in items] == ["0.html", "1.html", "5.html"]
    assert counts == {"dedup/new": 2, "dedup/near": 1, "dedup/identical": 1, "dedup/equal": 1}
    assert len(dedup.Index.open(tmp_path / "seen")) == 2
    items, counts = crawl(site, tmp_path, DEDUP_OPTIONS={"threshold": 0.8})
    assert [item["url"] for item in items] == ["5.html"]
    assert "dedup/new" not in counts


def test_tags_say_what_an_item_matches(site: str, tmp_path: Path) -> None:
    options = {"threshold": 0.99}
    items, _ = crawl(site, tmp_path, DEDUP_ACTION="tag", DEDUP_OPTIONS=options)
    tags = [item.get("dedup") for item in items]
    new = {"match": "new", "keeper_id": None, "jaccard": None}
    assert tags == [
        new,
        new,
        new,
        {"match": "identical", "keeper_id": "1.html", "jaccard": 1.0},
        {"match": "equal", "keeper_id": "0.html", "jaccard": 1.0},
        None,
    ]


def test_settings_that_make_no_sense(tmp_path: Path) -> None:
    from dedup.integrations.scrapy import DedupPipeline

    with pytest.raises(dedup.ConfigError, match="DEDUP_INDEX is not set; give the path"):
        DedupPipeline(None, {}, "text", "url", "drop", None)
    with pytest.raises(dedup.ConfigError, match="DEDUP_ACTION is 'keep'; give one of drop, tag"):
        DedupPipeline(str(tmp_path / "seen"), {}, "text", "url", "keep", None)
    DedupPipeline(str(tmp_path / "seen"), {}, "text", "url", "tag", None)
    with pytest.raises(dedup.ConfigError, match=r"made with threshold 0\.8, not 0\.5"):
        DedupPipeline(str(tmp_path / "seen"), {"threshold": 0.5}, "text", "url", "tag", None)
