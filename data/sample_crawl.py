"""The plan of the sample crawl: which pages there are, and which page each was made from.

An original always comes before its variants, so "keep the first" keeps the originals.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from sample_others import other_pages
from sample_pages import (
    COMMENTATORS,
    ENGLISH_SITES,
    MIRRORS,
    SERIES,
    SITES,
    Content,
    Page,
    Site,
    article_content,
    render,
    table_content,
    with_query,
)
from sample_text import (
    Article,
    Dice,
    comment_on,
    edit_heavily,
    edit_lightly,
    load_grammar,
    write_article,
    write_table,
)
from sample_truth import jaccard

LIGHT_AT_LEAST = 0.89  # what an edit must come to, against every text of its group
HEAVY_AT_MOST = 0.65
# Pages of each kind in a language; English has several sites and gets more of everything.
ORIGINALS = {"en": 40, **dict.fromkeys(SITES, 9)}
NUM_VARIANTS = {
    "mirror": {"en": 12, **dict.fromkeys(SITES, 3)},
    "print": {"en": 8, **dict.fromkeys(SITES, 2)},
    "session": {"en": 8, **dict.fromkeys(SITES, 2)},
    "light-edit": {"en": 11, **dict.fromkeys(SITES, 3)},
    "heavy-edit": {"en": 9, **dict.fromkeys(SITES, 2)},
    "quotation": {"en": 7, **dict.fromkeys(SITES, 2)},
}
NUM_NEWSLETTER_LINKS = 5  # further session addresses, all of one page
NUM_IN_SERIES = {"kettles": 10, "lampen": 6, "trains": 10, "wetter": 8, "tides": 6}
NUM_TEASERS = 6


@dataclass(frozen=True)
class Original:
    """An article at its own address, and the texts that count as the same document."""

    site: Site
    article: Article
    page: Page
    moment: float
    group: list[str] = field(default_factory=list)


class Crawl:
    """Makes the pages; `placed` holds each with the moment (0 to 1) of its crawling."""

    def __init__(self) -> None:
        self.placed: list[tuple[float, Page]] = []
        self.dice = Dice("crawl")
        self._used: Counter[str] = Counter()
        self.headlines: dict[Site, list[str]] = {}

    def pages(self) -> list[Page]:
        """Return the pages in the order of their crawling."""
        return [page for _, page in sorted(self.placed, key=lambda entry: entry[0])]

    def place(self, page: Page, after: float = 0.0) -> float:
        """Give a page its moment, later than `after`, and return the moment."""
        moment = after + (1 - after) * (1 + self.dice.below(10**6)) / (1 + 10**6)
        self.placed.append((moment, page))
        return moment

    def address(self, site: Site) -> str:
        """Return an address that the site has not used."""
        self._used[site.host] += 1
        return site.url(4000 + 7 * self._used[site.host])

    def html(
        self,
        site: Site,
        url: str,
        kind: str,
        content: Content,
        original: Original | None = None,
        *,
        layout: str = "",
        query: str = "",
    ) -> Page:
        """Return a page in the site's dress, with a few of its other headlines at the side."""
        headlines = self.headlines.get(site, ())
        related = self.dice.shuffled([other for other in headlines if other != content.headline])
        body = render(site, content, related[:3], layout, query)
        source = original.page.url if original else ""
        return Page(url, kind, source, content.text, body, f"text/html; charset={site.charset}")

    def add_originals(self, language: str, sites: tuple[Site, ...]) -> list[Original]:
        """Write a language's articles, taking its sites and genres in turn."""
        genres = load_grammar(language)["genres"]
        articles = [
            write_article(
                language, genres[number % len(genres)], f"{language} {number}", 8 + 5 * number % 11
            )
            for number in range(ORIGINALS[language])
        ]
        for number, article in enumerate(articles):
            site = sites[number % len(sites)]
            self.headlines.setdefault(site, []).append(article.headline)
        originals = []
        for number, article in enumerate(articles):
            site = sites[number % len(sites)]
            content = article_content(article)
            page = self.html(site, self.address(site), "original", content)
            originals.append(Original(site, article, page, self.place(page), [page.text]))
        return originals

    def add_variants(self, kind: str, originals: list[Original], count: int) -> None:
        """Make a page of this kind from each of `count` originals."""
        for original in self.dice.shuffled(originals)[:count]:
            self.place(VARIANTS[kind](self, original), original.moment)


def mirror(crawl: Crawl, original: Original) -> Page:
    """Copy the article to another host, which has its own dress and perhaps an old charset."""
    site = MIRRORS[original.article.language]
    content = article_content(original.article)
    return crawl.html(site, crawl.address(site), "mirror", content, original)


def print_view(crawl: Crawl, original: Original) -> Page:
    """Show the article without the site around it, sometimes as plain text."""
    url, content = original.page.url, article_content(original.article)
    if crawl.dice.below(4) == 0:
        url = with_query(url, "format=txt")
        body = f"{content.text}\n".encode()
        return Page(
            url, "print", original.page.url, content.text, body, "text/plain; charset=utf-8"
        )
    url = with_query(url, "print=1")
    return crawl.html(original.site, url, "print", content, original, layout="bare")


def session(crawl: Crawl, original: Original) -> Page:
    """Serve the article under an address that carries a session or a campaign."""
    token = f"{crawl.dice.below(16**8):08x}"
    query = crawl.dice.pick(
        (f"sid={token}", f"PHPSESSID={token}", f"utm_source=letter&utm_campaign={token}")
    )
    content = article_content(original.article)
    url = with_query(original.page.url, query)
    return crawl.html(original.site, url, "session", content, original, query=query)


def light_edit(crawl: Crawl, original: Original) -> Page:
    """Publish the article again with one to three words changed, on its site or on a mirror."""
    seed = f"light {crawl.dice.below(10**9)}"
    for attempt in range(99):
        num_edits = 1 + attempt % 3
        article = edit_lightly(original.article, f"{seed} {attempt}", num_edits)
        content = article_content(article)
        nearness = [jaccard(content.text, text) for text in original.group]
        if max(nearness) < 1 and min(nearness) >= LIGHT_AT_LEAST:
            break
    else:
        raise RuntimeError(f"no light edit of {original.page.url} is near enough; lengthen it")
    original.group.append(content.text)
    site = crawl.dice.pick((original.site, MIRRORS[article.language]))
    return crawl.html(site, crawl.address(site), "light-edit", content, original)


def heavy_edit(crawl: Crawl, original: Original) -> Page:
    """Publish a later version of the article that keeps about half of its sentences."""
    share = 0.45 + crawl.dice.below(45) / 100
    for attempt in range(99):
        seed = f"heavy {original.page.url} {attempt}"
        content = article_content(edit_heavily(original.article, seed, share))
        if max(jaccard(content.text, text) for text in original.group) <= HEAVY_AT_MOST:
            break
        share *= 0.95
    site = original.site
    return crawl.html(site, crawl.address(site), "heavy-edit", content, original)


def quotation(crawl: Crawl, original: Original) -> Page:
    """Quote the article's first paragraphs in a comment on another host."""
    site = COMMENTATORS[original.article.language]
    seed = f"comment {original.page.url}"
    content = article_content(comment_on(original.article, seed, 2 + crawl.dice.below(3)))
    return crawl.html(site, crawl.address(site), "quotation", content, original)


VARIANTS: dict[str, Callable[[Crawl, Original], Page]] = {
    "mirror": mirror,
    "print": print_view,
    "session": session,
    "light-edit": light_edit,
    "heavy-edit": heavy_edit,
    "quotation": quotation,
}


def add_series(crawl: Crawl, series: str, count: int) -> None:
    """Add pages that look alike, none another's duplicate; the truth names the first for all."""
    site = SERIES[series]
    tables = [write_table(series, f"{series} {number}") for number in range(count)]
    crawl.headlines[site] = [table.title for table in tables]
    first, moment = "", 0.0
    for table in tables:
        content = table_content(table, site.language)
        page = crawl.html(site, crawl.address(site), "lookalike", content)
        placed = crawl.place(replace(page, original_url=first), moment)
        if not first:
            first, moment = page.url, placed


def crawl_pages() -> list[Page]:
    """Return all pages of the sample, in the order of their crawling."""
    crawl = Crawl()
    everything: list[Original] = []
    for language in ORIGINALS:
        sites = ENGLISH_SITES if language == "en" else (SITES[language],)
        originals = crawl.add_originals(language, sites)
        for kind, counts in NUM_VARIANTS.items():
            crawl.add_variants(kind, originals, counts[language])
        everything += originals
    for _ in range(NUM_NEWSLETTER_LINKS):
        crawl.add_variants("session", everything[:1], 1)
    for series, count in NUM_IN_SERIES.items():
        add_series(crawl, series, count)
    teasers: dict[Site, list[tuple[str, str]]] = defaultdict(list)
    for original in everything:
        if len(teasers[original.site]) < NUM_TEASERS:
            article = original.article
            teasers[original.site].append((article.headline, article.paragraph_texts()[0]))
    for page in other_pages(teasers):
        crawl.place(page)
    return crawl.pages()
