"""Normalised URLs: one spelling for the variants under which a crawl meets one page.

For comparing and counting, not for fetching: a server may well answer the variants differently.
And canonical URLs: what a page says of itself.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urljoin, urlsplit

_TRACKING = re.compile(
    r"utm_.*|gclid|gclsrc|dclid|fbclid|msclkid|yclid|twclid|igshid|mc_cid|mc_eid|_ga|_gl", re.I
)
"""Names of parameters that say where a visitor came from, and nothing of the page."""

MAX_CANONICAL = 4_096
"""Characters of a canonical link; a longer one is none."""

_LINK = re.compile(r"<([^<>]*)>([^<]*)")
_REL = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s;,\"]+))", re.I)

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def normalised(url: str) -> str:
    """Return the URL without what does not tell pages apart.

    Left out are the scheme, ``www.``, user, default port, fragment, tracking parameters and the
    slash at the path's end; the host is in lower case, parameters are sorted. Text that is no http
    or https URL with a host comes back as it is. Normalised again, the result stays the same.
    """
    text = url if url.lower().startswith(("http://", "https://", "//")) else ""
    try:
        parts = urlsplit(text.strip())
    except ValueError:
        return url
    host = parts.netloc.rpartition("@")[2].lower()
    host = host.removesuffix(_DEFAULT_PORTS.get(parts.scheme, ":")).removesuffix(":")
    while host.startswith("www."):
        host = host[4:]
    if not host:
        return url
    path = parts.path.rstrip("/")
    pairs = parts.query.split("&")
    query = "&".join(sorted(pair for pair in pairs if pair and not _is_tracking(pair)))
    return "//" + host + path + ("?" + query if query else "")


VARIANTS = ("same", "scheme", "www", "tracking", "other")
"""In what variants of one URL differ: in nothing; http or https; ``www.``; tracking parameters; or
in none of these three, but in port, fragment, order of parameters, case of the host, slash."""


def variant_kinds(url: str, other: str) -> list[str]:
    """Return in what two URLs of one page differ, some of `VARIANTS`; nothing for other pages."""
    if url == other:
        return ["same"]
    if normalised(url) != normalised(other):
        return []
    differs = {
        "scheme": _scheme(url) != _scheme(other),
        "www": _host(url).startswith("www.") != _host(other).startswith("www."),
        "tracking": _tracking(url) != _tracking(other),
    }
    return [kind for kind, is_so in differs.items() if is_so] or ["other"]


def _scheme(url: str) -> str:
    return url.partition(":")[0].lower()


def _host(url: str) -> str:
    return urlsplit(url.strip()).netloc.rpartition("@")[2].lower()


def _tracking(url: str) -> list[str]:
    return sorted(filter(_is_tracking, urlsplit(url.strip()).query.split("&")))


def _is_tracking(parameter: str) -> bool:
    return _TRACKING.fullmatch(parameter.split("=")[0]) is not None


def canonical_url(link: str, base: str, url: str) -> str | None:
    """Return the URL that a canonical link of a page leads to; None where that is no page's.

    Spelled in one way: scheme and host in lower case, without default port and fragment. Where it
    is the page's own, it is returned as that is written, so that the two are equal strings.

    Parameters
    ----------
    link : as the page has it, in any shape.
    base : what it is relative to: the page's URL, or what its ``<base>`` says.
    url : of the page.
    """
    link = link.strip()
    if not link or len(link) > MAX_CANONICAL:
        return None
    try:
        found = _spelled(urlsplit(urljoin(base, link)))
        is_own = found is not None and found == _spelled(urlsplit(url))
        return url if is_own else found
    except ValueError:
        return None


def link_header_canonical(header: str) -> str | None:
    """Return the canonical link of an HTTP header ``Link`` (RFC 8288), None where it has none."""
    for match in _LINK.finditer(header[: 4 * MAX_CANONICAL]):
        rel = _REL.search(match[2])
        if rel is not None and "canonical" in (rel[1] or rel[2] or "").lower().split():
            return match[1]
    return None


def _spelled(parts: SplitResult) -> str | None:
    """Return the one spelling of a page's URL; None where it is no http or https URL."""
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS or not parts.hostname:
        return None
    host = parts.netloc.lower().removesuffix(_DEFAULT_PORTS[scheme])
    return f"{scheme}://{host}{parts.path or '/'}" + ("?" + parts.query if parts.query else "")
