"""Pages read a moment ago: the same bytes are decoded and read once for requests that come together or again."""

from typing import TypeAlias

from readstone.core.document import Line
from readstone.engines.worker.link import PageEvent
from readstone.engines.worker.source_cache import SourceCache

PageCache: TypeAlias = SourceCache[PageEvent]

_LINE_BYTES = 600
_WORD_BYTES = 400
"""About what a line and a word take in memory, beside two bytes a character."""
_RULE_BYTES = 200


def page_cache(limit: int, seconds: float) -> PageCache:
    """A cache of at most `limit` bytes of lines, by estimate, kept for `seconds` each."""
    return SourceCache(limit, seconds, _weight)


def _weight(event: PageEvent) -> int:
    if not isinstance(event, Line):
        return _LINE_BYTES + _RULE_BYTES * len(event.rules)
    return _LINE_BYTES + 4 * len(event.text) + _WORD_BYTES * len(event.words)
