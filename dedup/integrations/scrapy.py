"""A Scrapy item pipeline that drops or tags near-duplicates as they are crawled.

Every item is added to an index as it comes, so what an earlier crawl or another spider has stored
counts as well, and what was decided is on the disk. Settings::

    ITEM_PIPELINES = {"dedup.integrations.scrapy.DedupPipeline": 300}
    DEDUP_INDEX = "seen"              # made where it is not there
    DEDUP_OPTIONS = {"threshold": 0.8}  # of the index
    DEDUP_TEXT = "text"               # the item's fields
    DEDUP_ID = "url"
    DEDUP_ACTION = "drop"             # or "tag": the item gains the field `dedup`
"""

from __future__ import annotations

import os
from typing import Any, Self

import pyarrow as pa

from dedup.errors import ConfigError, MissingExtraError
from dedup.index.index import Index
from dedup.index.manifest import MANIFEST_FILE

try:
    from itemadapter import ItemAdapter
    from scrapy.exceptions import DropItem
except ImportError as error:
    raise MissingExtraError(
        "the pipeline needs Scrapy, which is not installed: pip install scrapy."
    ) from error

ACTIONS = ("drop", "tag")
TAG = "dedup"


class DedupPipeline:
    """Decides of each item whether it is new; see the module for its settings.

    Parameters
    ----------
    stats : Scrapy's, which count ``dedup/new``, ``dedup/near``...

    Raises
    ------
    ConfigError : a setting is missing or makes no sense, or the index has other options.
    """

    def __init__(
        self,
        path: str | None,
        options: dict[str, Any],
        text: str,
        id: str,
        action: str,
        stats: Any,
    ) -> None:
        if not path:
            raise ConfigError("DEDUP_INDEX is not set; give the path of an index in the settings.")
        if action not in ACTIONS:
            raise ConfigError(f"DEDUP_ACTION is {action!r}; give one of {', '.join(ACTIONS)}.")
        there = os.path.exists(os.path.join(path, MANIFEST_FILE))
        self._index = Index.open(path, **options) if there else Index.create(path, **options)
        self._text, self._id, self._action, self._stats = text, id, action, stats

    @classmethod
    def from_crawler(cls, crawler: Any) -> Self:
        """Make the pipeline from the settings of a crawl."""
        settings = crawler.settings
        return cls(
            settings.get("DEDUP_INDEX"),
            settings.getdict("DEDUP_OPTIONS"),
            settings.get("DEDUP_TEXT", "text"),
            settings.get("DEDUP_ID", "url"),
            settings.get("DEDUP_ACTION", "drop"),
            crawler.stats,
        )

    def process_item(self, item: Any, spider: Any = None) -> Any:
        """Return the item, with a tag if asked for; or drop it. One without text passes."""
        fields = ItemAdapter(item)
        text = fields.get(self._text)
        if not text:
            return item
        its = pa.table({"id": [str(fields.get(self._id))], "text": [text]})
        decision = self._index.add(its, text="text", id="id").to_pylist()[0]
        match, keeper = decision["match"], decision["keeper_id"]
        self._stats.inc_value(f"dedup/{match}")
        if self._action == "tag":
            fields[TAG] = {name: decision[name] for name in ("match", "keeper_id", "jaccard")}
        elif match != "new":
            raise DropItem(f"{match} to {keeper} (Jaccard {decision['jaccard']:.3f})")
        return item
