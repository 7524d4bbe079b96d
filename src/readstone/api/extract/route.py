"""`POST /v1/ocr/image/extract`: a plain ASGI application that takes a form in, asks the extractor and answers."""

import asyncio
from dataclasses import dataclass
from typing import Final

from starlette.types import Receive, Scope, Send

from readstone.api.exchange import Exchange
from readstone.api.extract.encoding import encode
from readstone.api.extract.form import Order, form_limits, read_order
from readstone.api.extract.status import UNSUPPORTED_FORMAT
from readstone.api.multipart import FormHead, read_form
from readstone.api.pulse import Pulse, told
from readstone.core.chat import ChatRequest, Image, ImageFormat, ImagePart, Message, TextPart
from readstone.core.errors import InvalidImage, MethodNotAllowed, TooLarge
from readstone.core.model import Model
from readstone.media.inspect import ImageLimits, inspect
from readstone.media.signature import describe, sniff
from readstone.serving.catalogue import Catalogue
from readstone.serving.extraction import Extracted, Extractor
from readstone.serving.intake import Intake, Reservation

PATH: Final = "/v1/ocr/image/extract"
FORMATS: Final[frozenset[ImageFormat]] = frozenset({"jpeg", "png", "bmp"})

_SILENCE: Final = 15.0
_MEBIBYTE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ExtractLimits:
    """What an image may be, and the seconds a whole request may take."""

    image: ImageLimits
    request_seconds: float


class ImageExtraction:
    """Takes forms in and answers them with what was extracted."""

    def __init__(
        self, catalogue: Catalogue, extractor: Extractor, intake: Intake, limits: ExtractLimits
    ) -> None:
        self._catalogue = catalogue
        self._extractor = extractor
        self._intake = intake
        self._limits = limits
        self._form = form_limits(limits.image.bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; what goes wrong is raised, and told by the door in this route's own form."""
        del send  # answers go out through the exchange, which adds its headers
        exchange: Exchange = scope["exchange"]
        if scope["method"] != "POST":
            raise MethodNotAllowed(f"{PATH} takes POST only.", "POST")
        seconds = self._limits.request_seconds
        pulse = Pulse(receive, limit=seconds, silence=_SILENCE)
        try:
            async with pulse, self._intake.reservation() as reservation:
                await self._serve(exchange, receive, reservation, pulse)
        except TimeoutError as error:
            raise told(error, seconds) from error

    async def _serve(
        self, exchange: Exchange, receive: Receive, reservation: Reservation, pulse: Pulse
    ) -> None:
        head = FormHead(exchange.header(b"content-type"), exchange.header(b"content-length"))
        order = read_order(await read_form(receive, head, self._form, reservation))
        pulse.listen(None)
        model = self._extractor.takes(self._catalogue.find(order.model))
        exchange.account.ask(model)
        exchange.caller.require(model)
        exchange.notes.update(model=model.id, scene=order.scene)
        found = await self._extract(exchange, reservation, order, model)
        exchange.served = found.served
        exchange.account.take(found.served)
        pulse.forget_client()
        await exchange.account.settle()
        await exchange.answer(200, encode(found, order.include), {})

    async def _extract(
        self, exchange: Exchange, reservation: Reservation, order: Order, model: Model
    ) -> Extracted:
        wanted = await asyncio.to_thread(
            self._extractor.parse, order.prompt, order.scene, lenient=order.keeps_ungrounded
        )
        image = self._image(order)
        await reservation.resize(len(image.data))
        request = ChatRequest(
            id=exchange.id,
            key_id=exchange.caller.key_id,
            model=model,
            model_name=order.model,
            messages=(Message("user", (ImagePart(image), TextPart(order.prompt))),),
            max_tokens=model.defaults.max_tokens,
            temperature=model.defaults.temperature,
            top_p=model.defaults.top_p,
            arrived=exchange.arrived,
            trace=exchange.passed_on,
            defaulted=frozenset({"max_tokens", "temperature", "top_p"}),
        )
        exchange.account.send(request)
        return await self._extractor.extract(request, wanted)

    def _image(self, order: Order) -> Image:
        """The image, held against its size first, then its format, then what its header says."""
        most, field = self._limits.image.bytes, order.image
        if field.size > most:
            raise TooLarge(
                f"The image has {field.size} bytes; at most {most} ({most // _MEBIBYTE} MB) are taken.",
                param="image",
            )
        if sniff(field.content) not in FORMATS:
            raise InvalidImage(
                f"What was sent in image is {describe(field.content)}; send JPG, JPEG, PNG or BMP.",
                param="image",
                code=UNSUPPORTED_FORMAT,
            )
        return inspect(field.content, self._limits.image, FORMATS, "image")
