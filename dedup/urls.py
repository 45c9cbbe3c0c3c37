"""Normalised URLs: one spelling for the variants under which a crawl meets one page.

For comparing and counting, not for fetching: a server may well answer the variants differently.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_TRACKING = re.compile(
    r"utm_.*|gclid|gclsrc|dclid|fbclid|msclkid|yclid|twclid|igshid|mc_cid|mc_eid|_ga|_gl", re.I
)
"""Names of parameters that say where a visitor came from, and nothing of the page."""

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
    query = "&".join(sorted(p for p in pairs if p and not _TRACKING.fullmatch(p.split("=")[0])))
    return "//" + host + path + ("?" + query if query else "")
