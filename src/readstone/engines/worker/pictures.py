"""Pictures made by the worker: what an engine takes is passed on, the rest is made so in the other process."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from readstone.core.chat import Document, Image, Source
from readstone.core.errors import EngineFailed, EngineTimeout, PictureFailed
from readstone.engines.pictures import Wanted, too_many_pages
from readstone.engines.worker.frames import Painted
from readstone.engines.worker.shared import Pixels
from readstone.engines.worker.source_cache import SourceCache

CACHE_BYTES: Final = 32 * 1024 * 1024
CACHE_SECONDS: Final = 60.0
"""What a client sends again soon after, as the next turn of a conversation or after a failure, is not made twice."""
_ENTRY_BYTES: Final = 400


class WorkerPictures:
    """The pictures of one engine; keeps those made a moment ago, for their own key only."""

    def __init__(
        self,
        pixels: Pixels,
        wanted: Wanted,
        limit: int = CACHE_BYTES,
        seconds: float = CACHE_SECONDS,
    ) -> None:
        self._pixels = pixels
        self._wanted = wanted
        self._cache: SourceCache[Painted] = SourceCache(limit, seconds, _weight)

    @property
    def wanted(self) -> Wanted:
        """What the engine takes."""
        return self._wanted

    async def prepare(self, source: Source, key_id: str, most: int) -> AsyncGenerator[Image]:
        """The image as it is wanted, or those of a document's pages in their order.

        Raises InvalidRequest for a document of more pages than `most`, InvalidImage for what is broken or ended the
        worker twice, and PictureFailed where the worker ends, takes too long or is not up: none of that is a fault
        of the engine the pictures are for.
        """
        if isinstance(source, Image) and self._wanted.holds(source):
            yield source
            return
        try:
            async with aclosing(self._cache.get(key_id, source, self._paint)) as pictures:
                async for picture in pictures:
                    yield _image(picture, source, most)
        except EngineTimeout as error:
            raise PictureFailed(error.message, param=source.param) from error
        except EngineFailed as error:
            raise PictureFailed(param=source.param) from error

    def _paint(self, source: Source) -> AsyncGenerator[Painted]:
        return self._pixels.paint(source, self._wanted)


def _image(picture: Painted, source: Source, most: int) -> Image:
    if isinstance(source, Document) and picture.pages > most:
        raise too_many_pages(source, picture.pages, most)
    size = (picture.width, picture.height)
    return Image(picture.data, picture.format, *size, source.param, plain=True)


def _weight(picture: Painted) -> int:
    return len(picture.data) + _ENTRY_BYTES
