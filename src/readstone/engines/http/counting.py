"""Tokens of a request: the engine's own count, and what is derived where it does not tell."""

from typing import Final

from readstone.core.chat import ChatRequest, Image, ImagePart, TextPart
from readstone.core.usage import Usage
from readstone.engines.http.chunk import Count
from readstone.engines.http.family import model_family
from readstone.engines.http.image_tokens import estimate_all

NOT_COUNTED: Final = (
    "The engine told no usage: the tokens of the prompt are estimated from its length, those of "
    "the answer are its chunks."
)
"""The note on an answer whose tokens the engine did not count."""

_CHARACTERS_OF_TOKEN: Final = 4


def count_usage(
    count: Count | None, chunks: int, request: ChatRequest
) -> tuple[Usage, tuple[str, ...]]:
    """The usage of an answer of so many `chunks`, and notes on what in it is not the engine's own count."""
    images = [part.image for part in request.attachments if isinstance(part, ImagePart)]
    if count is None:
        image_tokens = _derived(images, request, None) or 0
        prompt_tokens = _characters(request) // _CHARACTERS_OF_TOKEN + image_tokens
        estimated = bool(image_tokens)
        usage = Usage(
            *(prompt_tokens, chunks, image_tokens),
            image_tokens_estimated=estimated,
            pages=len(images),
        )
        return usage, (NOT_COUNTED,)
    prompt, completion = count.prompt_tokens_details, count.completion_tokens_details
    told = prompt.told_image_tokens if prompt else None
    derived = _derived(images, request, count.prompt_tokens) if told is None else None
    usage = Usage(
        prompt_tokens=count.prompt_tokens,
        completion_tokens=count.completion_tokens or 0,
        image_tokens=told or derived or 0,
        cached_tokens=(prompt.cached_tokens if prompt else None) or 0,
        reasoning_tokens=(completion.reasoning_tokens if completion else None) or 0,
        image_tokens_estimated=bool(derived),
        pages=len(images),
    )
    return usage, ()


def _derived(images: list[Image], request: ChatRequest, prompt_tokens: int | None) -> int | None:
    """Tokens of the images by the rule of the model's family; None where it has none that fits."""
    if not images:
        return None
    family = model_family(request.model)
    sizes = [(image.width, image.height) for image in images]
    most = (
        sum(width * height for width, height in sizes) if prompt_tokens is None else prompt_tokens
    )
    return estimate_all(family, sizes, most)


def _characters(request: ChatRequest) -> int:
    parts = [part for message in request.messages for part in message.parts]
    return sum(len(part.text) for part in parts if isinstance(part, TextPart))
