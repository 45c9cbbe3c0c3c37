"""The sample crawl is what its script writes, and its truth is true of what a reader sees."""

from __future__ import annotations

import csv
import runpy
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).parent.parent / "data"
WARC = DATA / "sample.warc.gz"
TRUTH = DATA / "sample-truth.csv"
NUM_OF_KIND = {
    "original": 130,
    "mirror": 42,
    "print": 28,
    "session": 33,
    "light-edit": 41,
    "heavy-edit": 29,
    "quotation": 27,
    "lookalike": 40,
    "other": 27,
}
DUPLICATE_KINDS = {"mirror", "print", "session", "light-edit"}
TEXT_TYPES = {"text/html", "text/plain"}


def members(path: Path) -> Iterator[bytes]:
    """Yield the content of each gzip member: each should be one WARC record."""
    rest = path.read_bytes()
    while rest:
        member = zlib.decompressobj(wbits=31)
        yield member.decompress(rest)
        assert member.eof
        rest = member.unused_data


def truth(path: Path = TRUTH) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table))


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder into which the script has written the sample anew."""
    folder = tmp_path_factory.mktemp("sample")
    script = str(DATA / "make_sample.py")
    subprocess.run([sys.executable, "-B", "-W", "error", script, "--out", str(folder)], check=True)
    return folder


@pytest.fixture(scope="module")
def oracle() -> dict[str, Any]:
    """Return the plain definitions that the truth was computed with."""
    return runpy.run_path(str(DATA / "sample_truth.py"))


@pytest.fixture(scope="module")
def documents() -> dict[str, str]:
    """Return url to main text, in crawl order, as FastWARC and Resiliparse read the sample."""
    warc = pytest.importorskip("fastwarc.warc")
    html2text = pytest.importorskip("resiliparse.extract.html2text")
    html = pytest.importorskip("resiliparse.parse.html")
    texts = {}
    with WARC.open("rb") as stream:
        for record in warc.ArchiveIterator(stream, record_types=warc.WarcRecordType.response):
            http = record.http_headers
            if http.status_code != 200 or record.http_content_type not in TEXT_TYPES:
                continue
            body, charset = record.reader.read(), record.http_charset or "utf-8"
            if record.http_content_type == "text/plain":
                text = body.decode(charset)
            else:
                tree = html.HTMLTree.parse_from_bytes(body, charset)
                text = html2text.extract_plain_text(tree, main_content=True)
            texts[record.headers["WARC-Target-URI"]] = text
    return texts


def test_the_committed_files_are_what_the_script_writes(fresh: Path) -> None:
    assert list(members(fresh / WARC.name)) == list(members(WARC))
    assert (fresh / TRUTH.name).read_bytes() == TRUTH.read_bytes()


def test_each_gzip_member_is_one_whole_record() -> None:
    for member in members(WARC):
        head, _, rest = member.partition(b"\r\n\r\n")
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
        assert head.startswith(b"WARC/1.0\r\n")
        assert rest[int(fields[b"Content-Length"]) :] == b"\r\n\r\n"


def test_digests_and_record_types() -> None:
    warc = pytest.importorskip("fastwarc.warc")
    types: Counter[str] = Counter()
    with WARC.open("rb") as stream:
        for record in warc.ArchiveIterator(stream, parse_http=True):
            kind = record.headers["WARC-Type"]
            types[kind] += 1
            if kind == "response":
                assert record.verify_payload_digest()
    assert types == {"warcinfo": 1, "request": 3, "response": sum(NUM_OF_KIND.values())}


def test_counts_of_kinds_as_the_readme_says() -> None:
    assert Counter(row["kind"] for row in truth()) == NUM_OF_KIND
    table = (DATA / "README.md").read_text(encoding="utf-8")
    for kind, count in NUM_OF_KIND.items():
        answer = "yes" if kind in DUPLICATE_KINDS else "no"
        assert f"| {kind} | {count} | {answer} |" in table


def test_truth_names_an_original_for_every_variant() -> None:
    rows = {row["url"]: row for row in truth()}
    assert len(rows) == sum(NUM_OF_KIND.values())
    for row in rows.values():
        assert (row["duplicate"] == "yes") == (row["kind"] in DUPLICATE_KINDS)
        if row["kind"] in {"original", "other"}:
            assert not row["original_url"]
        elif row["kind"] == "lookalike":
            assert not row["original_url"] or rows[row["original_url"]]["kind"] == "lookalike"
        else:
            assert rows[row["original_url"]]["kind"] == "original"


def test_brute_force_on_the_extracted_text_agrees_with_the_truth(
    documents: dict[str, str], oracle: dict[str, Any]
) -> None:
    # Greedy in crawl order: a document goes if an earlier kept one is at 0.8 or above.
    urls = list(documents)
    found = {
        url: urls[keeper]
        for url, keeper in zip(urls, oracle["keepers"](list(documents.values())), strict=True)
        if urls[keeper] != url
    }
    assert found == {
        row["url"]: row["original_url"] for row in truth() if row["duplicate"] == "yes"
    }


def test_no_two_extracted_texts_are_near_the_threshold(
    documents: dict[str, str], oracle: dict[str, Any]
) -> None:
    # The script keeps pairs of its own texts out of 0.70 to 0.88; readers may shift them a little.
    pairs = oracle["similar_pairs"](list(documents.values()), 0.72)
    assert min(similarity for _, _, similarity in pairs) > 0.86


def test_every_page_of_text_is_extracted(documents: dict[str, str]) -> None:
    kinds = Counter(row["kind"] for row in truth() if row["url"] in documents)
    num_files = 18  # redirects, errors and formats other than HTML and plain text
    assert kinds == {**NUM_OF_KIND, "other": NUM_OF_KIND["other"] - num_files}
    lengths = [
        len(documents[row["url"]]) for row in truth() if row["kind"] not in {"other", "lookalike"}
    ]
    assert min(lengths) > 250  # characters: Chinese says much in few


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Fog, 3 ships_at \N{LATIN SMALL LIGATURE FI}ve!", ["fog", "3", "ships_at", "five"]),
        ("ΟΔΟΣ οδός", ["οδοσ", "οδόσ"]),
        ("बाज़ार के", ["बाज़ार", "के"]),
        ("柳桥12号a", ["柳", "桥", "12", "号", "a"]),
        ("เด็ก 3", ["เ", "ด", "็", "ก", "3"]),
        ("co\N{SOFT HYPHEN}operate", ["cooperate"]),
    ],
    ids=["latin", "greek", "hindi", "chinese", "thai", "soft-hyphen"],
)
def test_words_of_the_plain_definition(text: str, words: list[str], oracle: dict[str, Any]) -> None:
    assert oracle["words"](text) == words
