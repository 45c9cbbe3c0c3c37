"""Nothing of a hostile corpus runs in a report, breaks out of its place, or turns text around."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

import dedup
from dedup.report.page import content_security_policy, embedded
from dedup.report.untrusted import harmless, shown
from tests.report.browser import chromium, opened

RUN = "window.attacked=1"
ATTACKS = [
    f"<script>{RUN}</script>",
    f"</script><script>{RUN}</script>",
    f"</SCRIPT ><img src=x onerror={RUN}>",
    f"<!--<script>{RUN}//-->",
    f"<svg onload={RUN}>",
    f"<a href='javascript:{RUN}'>press</a>",
    f"javascript:{RUN}",
    f'" autofocus onfocus="{RUN}',
    f"' onmouseover='{RUN}",
    f"</style><script>{RUN}</script>",
    f"</title><script>{RUN}</script>",
    f"</textarea></template></dialog><iframe srcdoc='<script>parent.{RUN}</script>'>",
    f"${{{RUN}}} {{{{7*7}}}} {{% raw %}} %{{x}}",
    f"\u2028{RUN}\u2029",
    "\u202egnp.exe\u202c \u2066isolated \u200f",
    "\x00\x01\x1b[2J\x7f\x85\ufffe",
    "<base href='https://evil.example/'><meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<link rel=stylesheet href=https://evil.example/x.css><img src=https://evil.example/x.png>",
    "<b>bold</b><br>" * 3,
    "&lt;script&gt;&#x3c;&amp;",
    "__proto__ constructor toString",
    "*{display:none}</style>",
]

# Opens every cluster and every difference; returns how many, or what entered the page as markup.
OPEN_ALL = """() => {
  const click = (one) => one.click();
  let compared = 0;
  const look = (button) => {
    button.click();
    const dialog = document.getElementById("difference");
    if (!dialog.open) throw new Error("no difference");
    if (dialog.querySelector(".text :not(mark, del, ins, span)")) throw new Error("markup");
    if (!dialog.querySelector("#left-text").textContent) throw new Error("no text");
    dialog.close();
    compared += 1;
  };
  document.querySelectorAll(".link").forEach(click);
  for (const button of document.querySelectorAll("#clusters button")) {
    button.click();
    document.querySelectorAll("#cluster button").forEach(look);
  }
  document.querySelectorAll("[data-pair]:enabled").forEach(look);
  return compared;
}"""


def story(name: str) -> str:
    """Return a text that no other name has, long enough to survive an attack at its ends."""
    return " ".join(f"{name}{i}" for i in range(120))


WORD = "x" * (1 << 20)


def write_corpus(folder: Path) -> list[Path]:
    """Write each attack as id, URL, host and text, three times, so that it stands in a cluster."""
    lines = [
        {
            "id": f"{attack} {number} {copy}",
            "url": f"https://{attack}/{number}",
            "host": attack,
            "text": f"{attack} {story(f'word{number}x')} {attack * copy}",
        }
        for number, attack in enumerate(ATTACKS)
        for copy in range(3)
    ]
    lines += [
        {"id": f"{WORD}{copy}", "host": WORD, "text": f"{WORD} {story('long')} {copy}"}
        for copy in range(2)
    ]
    raw = [json.dumps(line).encode() for line in lines]
    # Lone surrogates: as escapes, and as the bytes of a sloppy encoder, which are not UTF-8.
    escapes = '{"id": "\\ud800 %d", "host": "h\\udfff", "text": "\\udbff %s %d"}'
    raw += [(escapes % (copy, story("half"), copy)).encode() for copy in range(2)]
    sloppy = b'{"id": "bytes %d", "text": "\xed\xa0\x80 %s %d"}'
    raw += [sloppy % (copy, story("bytes").encode(), copy) for copy in range(2)]
    hostile = folder / "<img src=x onerror=window.attacked=1>\u202e.jsonl"
    hostile.write_bytes(b"\n".join(raw) + b"\n")
    pages = folder / "pages.warc.gz"
    with gzip.open(pages, "wb") as file:
        for number in range(4):
            body = (
                f"<html><body><p>{ATTACKS[0]} {story('page')} {number}</p></body></html>".encode()
            )
            head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"
            file.write(
                b"WARC/1.0\r\nWARC-Type: response\r\n"
                b"WARC-Target-URI: https://%s/%d?q=javascript:%s\r\n"
                % (b"<script>window.attacked=1</script>", number, RUN.encode())
                + b"WARC-Date: 2024-01-01T00:00:00Z\r\nContent-Type: application/http\r\n"
                b"Content-Length: %d\r\n\r\n" % len(head + body) + head + body + b"\r\n\r\n"
            )
    return [hostile, pages]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("attacks")
    config = dedup.Config(workers=1, pairs="all", threshold="0.7")
    dedup.run(write_corpus(folder), folder / "out", config, keep_evidence=True, report=True)
    return folder / "out/report.html"


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_nothing_runs_and_nothing_breaks(
    browser: Browser, attacked: Path, width: int, scheme: str
) -> None:
    with opened(browser, attacked, width=width, scheme=scheme) as tab:
        page = tab.page
        compared = page.evaluate(OPEN_ALL)
        assert compared >= 2 * len(ATTACKS)
        assert page.locator("#clusters button").count() >= len(ATTACKS)
        page.fill("#query", "<script>")
        expect(page.locator("#found")).to_have_text(r"7 clusters of 26 match", timeout=3_000)
        assert page.evaluate("window.attacked") is None
        assert page.evaluate("document.scripts.length") == 7
        assert page.locator("iframe, base, link, img, object, embed, a[href^=http]").count() == 0
        assert page.locator("a:not([href^='#'])").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth") == width
        for text in ("\u202e", "\u2066", "\u2028", "\x00", "\x1b"):
            assert text not in page.inner_text("body")
        assert "<img src=x onerror=window.attacked=1>[U+202E].jsonl" in page.title()
        assert tab.is_quiet()


def test_what_acts_is_shown_by_its_code() -> None:
    assert harmless("a\u202eb\u2028\x00\ud800é\n\t漢\r\n") == (
        "a[U+202E]b[U+2028][U+0000][U+D800]é\n\t漢\n"
    )
    assert shown(None) == "null"
    assert shown(12) == "12"
    long = shown(WORD, 100)
    assert len(long) < 150
    assert "1,048,476 characters" in long


@pytest.mark.parametrize("attack", [*ATTACKS, "\ud800", "\u2028\u2029"])
def test_embedded_json_stays_in_its_element(attack: str) -> None:
    text = embedded({attack: [attack]})
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == {attack: [attack]}
    text.encode("utf-8")


def test_the_policy_allows_the_page_and_nothing_else(attacked: Path) -> None:
    a, b = (
        "ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs=",
        "PiPoFgA5WUoziU9lZOGxNIu9egCI1CxKy3PurtWcAJ0=",
    )
    assert content_security_policy(["a"], ["b"]).split("; ") == [
        "default-src 'none'",
        f"script-src 'sha256-{a}'",
        f"style-src 'sha256-{b}'",
        "base-uri 'none'",
        "form-action 'none'",
        "require-trusted-types-for 'script'",
    ]
    text = attacked.read_text(encoding="utf-8")
    assert text.count("<meta http-equiv") == 1
    assert text.count("</script>") == 7
    assert "attacked=1</script>" not in text
