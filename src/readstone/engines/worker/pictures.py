"""Pictures made by the worker: what an engine takes is passed on, the rest is made so in the other process."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from readstone.core.chat import Document, Image, Source
from readstone.engines.pictures import Wanted, too_many_pages
from readstone.engines.worker.frames import Painted
from readstone.engines.worker.source_cache import SourceCache
from readstone.engines.worker.supervisor import Supervisor

CACHE_BYTES: Final = 32 * 1024 * 1024
CACHE_SECONDS: Final = 60.0
"""What a client sends again soon after, as the next turn of a conversation or after a failure, is not made twice."""
_ENTRY_BYTES: Final = 400


class WorkerPictures:
    """The pictures of one engine; keeps those made a moment ago, for their own key only."""

    def __init__(
        self,
        supervisor: Supervisor,
        wanted: Wanted,
        limit: int = CACHE_BYTES,
        seconds: float = CACHE_SECONDS,
    ) -> None:
        self._supervisor = supervisor
        self._wanted = wanted
        self._cache: SourceCache[Painted] = SourceCache(limit, seconds, _weight)

    @property
    def wanted(self) -> Wanted:
        """What the engine takes."""
        return self._wanted

    async def prepare(self, source: Source, key_id: str, most: int) -> AsyncGenerator[Image]:
        """The image as it is wanted, or those of a document's pages in their order.

        Raises InvalidRequest for a document of more pages than `most`, and what `Supervisor.paint` raises.
        """
        if isinstance(source, Image) and self._wanted.holds(source):
            yield source
            return
        async with aclosing(self._cache.get(key_id, source, self._paint)) as pictures:
            async for picture in pictures:
                if isinstance(source, Document) and picture.pages > most:
                    raise too_many_pages(source, picture.pages, most)
                yield Image(
                    picture.data,
                    picture.format,
                    picture.width,
                    picture.height,
                    source.param,
                    plain=True,
                )

    def _paint(self, source: Source) -> AsyncGenerator[Painted]:
        return self._supervisor.paint(source, self._wanted)


def _weight(picture: Painted) -> int:
    return len(picture.data) + _ENTRY_BYTES
