"""The page: one file that asks nothing of any network, and runs no script but its own.

Its Content-Security-Policy allows the scripts and the style sheet of this page by their SHA-256,
and nothing else; no script may make markup of a string (Trusted Types). Plotly would add styles
while it runs; elements of the ids it looks for, marked `no-inline-styles` as it asks, stop it, and
`style.css` has the few rules that its charts need.

What comes from documents is escaped by Jinja2, or stands in a script element of JSON, which no
browser runs, without the characters that could end that element.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from importlib.resources import files
from typing import Any

SCRIPTS = ("scheme.js", "charts.js", "words.js", "explorer.js")
"""The page's own scripts, in their order, after Plotly's."""

_TEMPLATES = "templates"

# What HTML may read, what old JavaScript took for line ends, and halves of surrogate pairs.
_UNSAFE = re.compile("[<>&\u2028\u2029\ud800-\udfff]")


def render(content: dict[str, Any], data: dict[str, Any], figures: dict[str, Any]) -> str:
    """Return the page.

    Parameters
    ----------
    content : what the template names, any text in it untrusted.
    data, figures : JSON values for the scripts.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("dedup.report", _TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"count": "{:,}".format, "share": "{:.1%}".format}
    style = _template("style.css")
    scripts = [_plotly(), *(_template(name) for name in SCRIPTS)]
    return environment.get_template("page.html").render(
        **content,
        style=style,
        scripts=scripts,
        policy=content_security_policy(scripts, [style]),
        data=embedded(data),
        figures=embedded(figures),
    )


def embedded(value: Any) -> str:
    """Return JSON that stays inside a script element, whatever its strings say."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def embedded_bytes(value: Any) -> int:
    """Return the bytes that a value takes in the page."""
    return len(embedded(value).encode("utf-8"))


def content_security_policy(scripts: list[str], styles: list[str]) -> str:
    """Return the policy that allows these scripts and style sheets, and nothing else."""
    return "; ".join(
        [
            "default-src 'none'",
            "script-src " + " ".join(map(_hash_source, scripts)),
            "style-src " + " ".join(map(_hash_source, styles)),
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
        ]
    )


def _hash_source(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _template(name: str) -> str:
    return _inline((files("dedup.report") / _TEMPLATES / name).read_text(encoding="utf-8"))


def _plotly() -> str:
    """Return Plotly's bundle from its wheel, some 5 MB."""
    bundle = files("plotly") / "package_data" / "plotly.min.js"
    return _inline(bundle.read_text(encoding="utf-8"))


def _inline(text: str) -> str:
    """Return a script or style as the browser will read it, line ends and all.

    Raises
    ------
    ValueError : it holds what would end its element, or begin a comment.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    for ending in ("</script", "</style", "<!--"):
        if ending in text.lower():
            raise ValueError(f"{ending!r} in a script or style of the page")
    return text
