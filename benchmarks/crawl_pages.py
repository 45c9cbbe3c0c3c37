"""Web pages as crawls have them, each a function of (seed, its number), and archives of them.

A page is an article in the frame of its site: a head with style sheets and scripts, menus, cards
that lead elsewhere, a footer, and the state of an application as JSON. One in eight is a copy: the
article of an earlier page in the frame of another site, word for word or with one word in 120
replaced.

Heavy pages have some 164 KB of HTML in the mean, as the pages of Common Crawl's archive of December
2024 (2.64 billion pages, 394 TiB), by a log-normal law; most of it is styles, scripts and JSON.
Light pages have none of these, nor cards: an article and two menus, 7 KB.

References
----------
https://commoncrawl.org/blog/december-2024-crawl-archive-now-available
"""

import gzip
import json
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.vocabulary import make_vocabulary

SITES = 499
COPY_EVERY = 8
MEDIAN_WORDS, SPREAD_WORDS, LEAST_WORDS = 450, 0.7, 120
REPLACED = 1 / 120
PARAGRAPH_WORDS = 70
#: Bytes of a page's styles and scripts together, and of its JSON.
MEDIAN_CODE, MEDIAN_STATE, SPREAD_CODE = 40_000, 40_000, 1.0
STUFF_BYTES = 4_000_000
PAGES_PER_SECOND = 40  # of the crawl, for the dates

#: What a random number is for.
ORIGIN, ARTICLE, EDIT, OWN, SITE, STUFF = range(6)


class Crawl:
    """Generated pages.

    Parameters
    ----------
    is_heavy : whether pages weigh what they do on the web, or are little more than their text.
    """

    def __init__(self, *, is_heavy: bool, seed: int = 7) -> None:
        self.is_heavy = is_heavy
        self.seed = seed
        self._vocabulary = make_vocabulary(seed)
        self._frames: dict[int, tuple[str, str, str]] = {}

    def original(self, number: int) -> int:
        """Return the page whose article a page has: itself, or an earlier one."""
        while number % COPY_EVERY == COPY_EVERY - 1:
            number = int(self._random(ORIGIN, number).integers(0, number))
        return number

    def article(self, number: int) -> list[str]:
        """Return the paragraphs of a page."""
        origin = self.original(number)
        rng = self._random(ARTICLE, origin)
        count = max(LEAST_WORDS, int(rng.lognormal(np.log(MEDIAN_WORDS), SPREAD_WORDS)))
        words = self._words(rng, count)
        edit = self._random(EDIT, number)
        if number != origin and edit.random() < 0.5:
            places = edit.integers(0, count, max(1, int(count * REPLACED)))
            words[places] = self._words(edit, len(places))
        return [
            "".join(words[first : first + PARAGRAPH_WORDS]).strip() + "."
            for first in range(0, count, PARAGRAPH_WORDS)
        ]

    def page(self, number: int) -> bytes:
        """Return the HTML of a page."""
        rng = self._random(OWN, number)
        head, menu, footer = self._frame(number % SITES)
        title = self._phrase(rng, 7)
        text = "".join(f"<p>{paragraph}</p>\n" for paragraph in self.article(number))
        own = self._cards(rng) + self._state(rng) if self.is_heavy else ""
        return (
            f'<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{title}</title>'
            f'{head}</head>\n<body class="single post-{number}">{menu}<main id="content">'
            f'<article class="post"><h1 class="entry-title">{title}</h1>\n'
            f'<div class="entry-content">{text}</div></article></main>\n{own}{footer}'
            "</body></html>\n"
        ).encode()

    def _random(self, what: int, number: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, what, number])

    def _words(self, rng: np.random.Generator, count: int) -> NDArray[np.object_]:
        """Draw words, a blank after each, by their frequency."""
        found: NDArray[np.object_] = self._vocabulary.forms[0, 0, self._vocabulary.draw(rng, count)]
        return found

    def _phrase(self, rng: np.random.Generator, count: int) -> str:
        return "".join(self._words(rng, count)).strip()

    def _frame(self, site: int) -> tuple[str, str, str]:
        """Return head, menu and footer of a site."""
        if site not in self._frames:
            rng = self._random(SITE, site)
            code = ""
            if self.is_heavy:
                size = int(rng.lognormal(np.log(MEDIAN_CODE), SPREAD_CODE)) // 2
                start = int(rng.integers(0, STUFF_BYTES // 2))
                rules, script = (stuff[start : start + size] for stuff in (self._css, self._json))
                code = f"<style>{rules}</style><script>window.site = {script};</script>"
            links = 90 if self.is_heavy else 25
            menu = f'<nav class="main-menu"><ul>{self._links(rng, links)}</ul></nav>'
            foot = f'<footer class="site-footer"><ul>{self._links(rng, links // 2)}</ul></footer>'
            self._frames[site] = (code, menu, foot)
        return self._frames[site]

    def _links(self, rng: np.random.Generator, count: int) -> str:
        phrases = [self._phrase(rng, 2) for _ in range(count)]
        return "".join(
            f'<li class="menu-item menu-item-{number}"><a href="/{phrase.replace(" ", "-")}/">'
            f"<span>{phrase}</span></a></li>\n"
            for number, phrase in enumerate(phrases)
        )

    def _cards(self, rng: np.random.Generator) -> str:
        """Return what leads to other pages of the site."""
        cards = []
        for number in range(int(rng.integers(8, 30))):
            title = self._phrase(rng, 6)
            sizes = ", ".join(f"/media/{number}-{w}.webp {w}w" for w in (320, 640, 960, 1280))
            cards.append(
                f'<div class="card card-{number}"><a href="/story/{number}"><picture>'
                f'<source type="image/webp" srcset="{sizes}"><img loading="lazy" width="640" '
                f'src="/media/{number}.jpg" alt="{title}"></picture><h3>{title}</h3></a>'
                f'<div class="meta"><time>{number} h</time><button type="button" aria-label="Save">'
                '<svg viewBox="0 0 24 24"><path d="M4 4h16v16H4z"/></svg></button></div></div>\n'
            )
        return f'<aside class="related"><div class="grid">{"".join(cards)}</div></aside>\n'

    def _state(self, rng: np.random.Generator) -> str:
        size = int(rng.lognormal(np.log(MEDIAN_STATE), SPREAD_CODE))
        start = int(rng.integers(0, STUFF_BYTES // 2))
        state = self._json[start : start + size]
        return f'<script type="application/json" id="state">{state}</script>\n'

    @cached_property
    def _json(self) -> str:
        rng = self._random(STUFF, 0)
        items = []
        size = 0
        while size < STUFF_BYTES:
            item = {"id": int(rng.integers(0, 1 << 40)), "title": self._phrase(rng, 5)}
            item |= {"tags": self._phrase(rng, 3).split(), "score": float(rng.random())}
            items.append(json.dumps(item, ensure_ascii=False))
            size += len(items[-1]) + 1
        return ",".join(items)

    @cached_property
    def _css(self) -> str:
        rng = self._random(STUFF, 1)
        rules = (
            f".{name.strip()}-{number}{{display:flex;margin:{number % 40}px;color:#{number:06x}}}"
            for number, name in enumerate(self._words(rng, STUFF_BYTES // 50))
        )
        return "\n".join(rules)


def address(number: int) -> str:
    """Return the URL of a page."""
    return f"https://site{number % SITES}.example/story/{number}"


def write_archive(crawl: Crawl, path: Path, numbers: range) -> int:
    """Write pages as a WARC file, compressed by record, and return their bytes of HTML."""
    size = 0
    with open(path, "wb") as out:
        for number in numbers:
            body = crawl.page(number)
            size += len(body)
            block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + body
            minutes, seconds = divmod(number // PAGES_PER_SECOND, 60)
            head = (
                "WARC/1.0\r\nWARC-Type: response\r\n"
                f"WARC-Date: 2024-12-01T{minutes // 60:02}:{minutes % 60:02}:{seconds:02}Z\r\n"
                f"WARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-{number:012}>\r\n"
                f"WARC-Target-URI: {address(number)}\r\n"
                "Content-Type: application/http; msgtype=response\r\n"
                f"Content-Length: {len(block)}\r\n\r\n"
            ).encode()
            out.write(gzip.compress(head + block + b"\r\n\r\n", 6))
    return size
