"""What a request may use, before anybody knows: it is charged so much, and given back what it did not use."""

from readstone.core.chat import ChatRequest, DocumentPart, ImagePart, TextPart
from readstone.core.usage import Usage
from readstone.engines.reader.tokens import image_tokens

_BYTES_PER_TOKEN = 3
"""Of UTF-8: fewer than tokenizers put into a token of Latin text, and as many as a Han character has."""
_PAGE_TOKENS = image_tokens(1240, 1754)
"""Of one page of a PDF: A4 at 150 dots per inch. How many pages it has, nobody has looked at yet."""


def estimate(request: ChatRequest) -> Usage:
    """The most a request is expected to use: its text, its images, and as many tokens of answer as it may have.

    A PDF is taken for one page: what the others are worth is charged when they were read.
    """
    text = images = pages = 0
    for message in request.messages:
        for part in message.parts:
            match part:
                case TextPart(text=words):
                    text += len(words) if words.isascii() else len(words.encode(errors="replace"))
                case ImagePart(image=image):
                    images += image_tokens(image.width, image.height)
                    pages += 1
                case DocumentPart():
                    images += _PAGE_TOKENS
                    pages += 1
    return Usage(
        prompt_tokens=-(-text // _BYTES_PER_TOKEN) + images,
        completion_tokens=request.max_tokens * _choices(request),
        image_tokens=images,
        pages=pages,
    )


def _choices(request: ChatRequest) -> int:
    """How many answers are asked for (`n`); what is no number is refused elsewhere."""
    raw = request.extras.get("n", b"1")
    return max(int(raw), 1) if raw.isdigit() else 1
