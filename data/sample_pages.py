"""Pages of invented sites: articles and tables dressed in each site's own HTML.

Four layouts stand for the ways real sites wrap the same text: `courier` (HTML5 elements),
`classic` (nested ``div``), `portal` (teasers and notices all over) and `bare` (the print view).
All hosts end in ``.example``, a name reserved for such use (RFC 2606).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from sample_text import Article, Table, load_grammar

RIGHT_TO_LEFT = frozenset({"ar"})


@dataclass(frozen=True)
class Site:
    """A host with one language, one layout, one charset and one way of making paths."""

    host: str
    name: str
    language: str
    layout: str
    path: str
    charset: str = "utf-8"

    def url(self, number: int) -> str:
        """Return the address of page `number`."""
        return f"https://{self.host}{self.path.format(number)}"


@dataclass(frozen=True)
class Page:
    """A crawled address; `text` is what a reader should find there, "" where there is nothing."""

    url: str
    kind: str
    original_url: str
    text: str
    body: bytes
    content_type: str
    status: str = "200 OK"
    location: str = ""

    @property
    def is_document(self) -> bool:
        """Whether a reader of crawls takes it for a document (``robots.txt`` is one, too)."""
        return self.status == "200 OK" and self.content_type.startswith("text/")


@dataclass(frozen=True)
class Content:
    """The part of a page that is its own: a headline, its HTML, and both as plain text."""

    language: str
    headline: str
    html: str
    text: str


ENGLISH_SITES = (
    Site("merrowby-courier.example", "The Merrowby Courier", "en", "courier", "/news/{}.html"),
    Site("aldery-times.example", "Aldery Harbour Times", "en", "classic", "/story.php?id={}"),
    Site("three-towns.example", "The Three Towns Gazette", "en", "portal", "/2024/03/{}/"),
)
SITES = {
    "de": Site("lohe-bote.example", "Der Lohe-Bote", "de", "classic", "/artikel/{}.html"),
    "fr": Site("echo-du-canal.example", "L'Écho du canal", "fr", "courier", "/articles/{}"),
    "es": Site("diario-sierra.example", "Diario de la Sierra", "es", "portal", "/noticia/{}.html"),
    "ru": Site("zarechye.example", "Заречные вести", "ru", "classic", "/novosti/{}"),
    "el": Site("nea-kampou.example", "Νέα του Κάμπου", "el", "courier", "/nea/{}.html"),
    "ar": Site("jaridat-alwadi.example", "جريدة الوادي", "ar", "portal", "/khabar/{}"),
    "hi": Site("sontal.example", "सोनताल समाचार", "hi", "courier", "/samachar/{}.html"),
    "zh": Site("liuqiao.example", "柳桥报", "zh", "classic", "/%E6%96%B0%E9%97%BB/{}.html"),
    "ja": Site("kiri-shimbun.example", "霧新聞", "ja", "portal", "/kiji/{}.html"),
    "th": Site("thaphikun.example", "ข่าวท่าพิกุล", "th", "courier", "/khao/{}"),
}
# Old hosts that copy others, some of them in the charset of their days.
MIRRORS = {
    "en": Site("wire-archive.example", "Wire Archive", "en", "portal", "/a/{}"),
    "de": Site("regionalspiegel.example", "Regionalspiegel", "de", "courier", "/spiegel/{}"),
    "fr": Site("relais.example", "Relais", "fr", "classic", "/lire/{}.htm", "iso-8859-1"),
    "es": Site("eco-comarcal.example", "Eco comarcal", "es", "classic", "/eco/{}"),
    "ru": Site("zerkalo.example", "Зеркало", "ru", "courier", "/text/{}.html", "windows-1251"),
    "el": Site("antigrafo.example", "Αντίγραφο", "el", "classic", "/a/{}.html", "iso-8859-7"),
    "ar": Site("mirat.example", "مرآة الأخبار", "ar", "courier", "/n/{}"),
    "hi": Site("darpan.example", "दर्पण", "hi", "portal", "/lekh/{}"),
    "zh": Site("zhuanzai.example", "转载网", "zh", "portal", "/{}.shtml", "gb18030"),
    "ja": Site("utsushi.example", "うつし", "ja", "classic", "/mirror/{}.html", "shift_jis"),
    "th": Site("krajok.example", "กระจก", "th", "classic", "/copy/{}.html", "tis-620"),
}
COMMENTATORS = {
    language: Site("marginalia.example", "Marginalia", language, "classic", f"/{language}/{{}}")
    for language in ("en", *SITES)
}
SERIES = {
    "kettles": Site("tinkers-shelf.example", "The Tinker's Shelf", "en", "portal", "/kettle/{}"),
    "lampen": Site("lampenkontor.example", "Lampenkontor", "de", "courier", "/lampe/{}.html"),
    "trains": Site("orrin-rail.example", "Orrin Railway", "en", "classic", "/line?no={}"),
    "wetter": Site("wetterdienst.example", "Wetterdienst", "de", "courier", "/ort/{}"),
    "tides": Site("shiomi.example", "潮見", "ja", "courier", "/minato/{}.html"),
}


def article_content(article: Article) -> Content:
    """Return an article as content; paragraphs after the first that quote become a quotation."""
    texts = article.paragraph_texts()
    html = [f"<p>{escaped(text)}</p>" for text in texts]
    if article.quoted:
        quotation = slice(1, 1 + article.quoted)
        html[quotation] = ["<blockquote>", *html[quotation], "</blockquote>"]
    text = "\n\n".join([article.headline, *texts])
    return Content(article.language, article.headline, "\n".join(html), text)


def table_content(table: Table, language: str) -> Content:
    """Return a table and the sentences around it as content."""
    rows = [" ".join(f"<td>{escaped(cell)}</td>" for cell in row) for row in table.rows]
    before = [f"<p>{escaped(text)}</p>" for text in table.paragraphs]
    grid = ["<table>", *(f"<tr>{row}</tr>" for row in rows), "</table>"]
    html = [*before, *grid, f"<p>{escaped(table.closing)}</p>"]
    cells = [" ".join(row) for row in table.rows]
    text = "\n\n".join([table.title, *table.paragraphs, *cells, table.closing])
    return Content(language, table.title, "\n".join(html), text)


def teaser_content(site: Site, teasers: Sequence[tuple[str, str]]) -> Content:
    """Return headlines and openings as the content of a site's front page."""
    html = [
        f'<div class="teaser"><h2>{escaped(headline)}</h2>\n<p>{escaped(opening)}</p></div>'
        for headline, opening in teasers
    ]
    text = "\n\n".join([site.name, *("\n".join(teaser) for teaser in teasers)])
    return Content(site.language, site.name, "\n".join(html), text)


def render(
    site: Site,
    content: Content,
    related: Sequence[str] = (),
    layout: str = "",
    query: str = "",
) -> bytes:
    """Return the page in the site's charset; `query` is what each of its links carries along."""
    body = LAYOUTS[layout or site.layout](site, content, related, query)
    direction = ' dir="rtl"' if content.language in RIGHT_TO_LEFT else ""
    html = (
        f'<!DOCTYPE html>\n<html lang="{content.language}"{direction}>\n<head>\n'
        f'<meta charset="{site.charset}">\n'
        f"<title>{escaped(content.headline)} - {escaped(site.name)}</title>\n"
        f"</head>\n<body>\n{body}\n</body>\n</html>\n"
    )
    return html.encode(site.charset, "xmlcharrefreplace")


def courier(site: Site, content: Content, related: Sequence[str], query: str) -> str:
    """Lay out with the elements that HTML5 has for it."""
    return f"""<header class="site-header"><nav>{links(site, "", query)}</nav></header>
<main>
<article>
<h1>{escaped(content.headline)}</h1>
{content.html}
</article>
</main>
<aside class="related"><h2>{interface(site, "related")}</h2>
<ul>{items(site, related, query)}</ul></aside>
<footer>{interface(site, "footer")}</footer>"""


def classic(site: Site, content: Content, related: Sequence[str], query: str) -> str:
    """Lay out with nested ``div``, as before HTML5."""
    return f"""<div id="header"><a href="{link("/", query)}">{escaped(site.name)}</a></div>
<div id="menu">{links(site, " | ", query)}</div>
<div id="wrapper">
<div id="content">
<h1>{escaped(content.headline)}</h1>
<div class="text">
{content.html}
</div>
</div>
<div id="sidebar"><h3>{interface(site, "related")}</h3>
<ul>{items(site, related, query)}</ul></div>
</div>
<div id="footer">{interface(site, "footer")}</div>"""


def portal(site: Site, content: Content, related: Sequence[str], query: str) -> str:
    """Lay out with a notice, a menu and teasers around the text."""
    return f"""<div id="cookie-banner" class="cookie-banner">{interface(site, "notice")}</div>
<nav class="menu"><ul>{items(site, load_grammar(site.language)["ui.nav"], query)}</ul></nav>
<div class="page">
<section class="main-content" id="main">
<article class="post">
<h1 class="title">{escaped(content.headline)}</h1>
<div class="post-body">
{content.html}
</div>
</article>
</section>
<aside class="teasers sidebar"><h2>{interface(site, "related")}</h2>
<ul>{items(site, related, query)}</ul></aside>
</div>
<footer class="footer">{escaped(site.name)}. {interface(site, "footer")}</footer>"""


def bare(site: Site, content: Content, related: Sequence[str], query: str) -> str:
    """Lay out for the printer: the text and nothing else."""
    del related, query
    return f"""<h1>{escaped(content.headline)}</h1>
{content.html}
<hr>
<footer>{escaped(site.name)}</footer>"""


LAYOUTS = {"courier": courier, "classic": classic, "portal": portal, "bare": bare}


def escaped(text: str) -> str:
    """Return the text as HTML."""
    return escape(text, quote=False)


def interface(site: Site, name: str) -> str:
    """Return a text of the site's own, as HTML."""
    return escaped(load_grammar(site.language)[f"ui.{name}"][0])


def links(site: Site, between: str, query: str) -> str:
    """Return the site's menu as links in a row."""
    menu = load_grammar(site.language)["ui.nav"]
    return between.join(
        f'<a href="{link(f"/{number}/", query)}">{escaped(label)}</a>'
        for number, label in enumerate(menu)
    )


def items(site: Site, labels: Iterable[str], query: str) -> str:
    """Return labels as the links of a list."""
    return "".join(
        f'<li><a href="{link(site.path.format(number), query)}">{escaped(label)}</a></li>'
        for number, label in enumerate(labels, start=1)
    )


def link(path: str, query: str) -> str:
    """Return what a link to the path says in HTML."""
    return escape(with_query(path, query))


def with_query(address: str, query: str) -> str:
    """Return the address with more parameters, if there are any."""
    if not query:
        return address
    return f"{address}{'&' if '?' in address else '?'}{query}"
