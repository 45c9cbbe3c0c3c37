"""What else a crawler meets: front pages, files in other formats, redirects and errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sample_pages import (
    ENGLISH_SITES,
    SITES,
    Page,
    Site,
    escaped,
    interface,
    render,
    teaser_content,
)

COURIER = ENGLISH_SITES[0]
FRONT_PAGES = (*ENGLISH_SITES, SITES["de"], SITES["zh"], SITES["ja"])
MISSING_ON = (COURIER, *(SITES[language] for language in ("de", "fr", "ru", "zh", "ar")))
MOVED_ON = (*ENGLISH_SITES, *(SITES[language] for language in ("es", "el", "ja")))
ROBOTS = {
    COURIER: "User-agent: *\nDisallow: /print/\nDisallow: /letters/draft/\nCrawl-delay: 3\n",
    SITES["fr"]: "# Bienvenue aux robots polis\nUser-agent: *\nAllow: /\n",
    SITES["zh"]: "User-agent: BadBot\nDisallow: /\n\nUser-agent: *\nDisallow: /search\n",
}
GIF = "47494638396101000100800000ffffff00000021f90401000000002c00000000010001000002024401003b"
PDF = "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Count 0>>endobj\n"
FILES = {
    "/favicon.gif": ("image/gif", bytes.fromhex(GIF)),
    "/style.css": ("text/css", b"body { max-width: 40em; margin: auto; font-family: serif }\n"),
    "/tides.pdf": ("application/pdf", f"{PDF}trailer<</Root 1 0 R>>\n%%EOF\n".encode()),
    "/weather.json": ("application/json", b'{"place": "Merrowby", "sky": "drizzle", "wind": 4}\n'),
    "/search.js": ("text/javascript", b"document.querySelector('#search').hidden = false;\n"),
}


def other_pages(teasers: Mapping[Site, Sequence[tuple[str, str]]]) -> Iterator[Page]:
    """Yield the pages; `teasers` has the headlines and openings for the front pages."""
    for site in FRONT_PAGES:
        content = teaser_content(site, teasers[site])
        related = [headline for headline, _ in teasers[site][-3:]]
        yield html_page(site, "/", content.text, render(site, content, related))
    for site, text in ROBOTS.items():
        url = f"https://{site.host}/robots.txt"
        yield Page(url, "other", "", text, text.encode(), "text/plain")
    for path, (content_type, data) in FILES.items():
        yield Page(f"https://{COURIER.host}{path}", "other", "", "", data, content_type)
    for site in MISSING_ON:
        message = interface(site, "missing")
        body = f"<html><head><title>404</title></head><body><h1>{message}</h1></body></html>\n"
        yield html_page(site, "/old/1998.html", "", body.encode(), "404 Not Found")
    for number, site in enumerate(MOVED_ON):
        target = site.url(4007)
        body = f'<html><body><a href="{escaped(target)}">moved</a></body></html>\n'
        status = ("301 Moved Permanently", "302 Found")[number % 2]
        yield html_page(site, f"/short/{number}", "", body.encode(), status, target)
    yield html_page(COURIER, "/search?q=fog", "", b"<h1>Busy</h1>\n", "503 Service Unavailable")


def html_page(
    site: Site, path: str, text: str, body: bytes, status: str = "200 OK", location: str = ""
) -> Page:
    """Return an HTML page of kind ``other``."""
    content_type = f"text/html; charset={site.charset}"
    url = f"https://{site.host}{path}"
    return Page(url, "other", "", text, body, content_type, status, location)
