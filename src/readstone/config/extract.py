"""The section of image extraction."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta


@dataclass(frozen=True, slots=True)
class ExtractConfig:
    """`POST /v1/ocr/image/extract`."""

    image_bytes: Annotated[
        int, Meta(ge=1024, description="Largest image of /v1/ocr/image/extract, inclusive.")
    ] = 10 * 1024 * 1024
    always_200: Annotated[
        bool,
        Meta(
            description="Whether its errors have HTTP status 200 too, for clients that look only at status_code."
        ),
    ] = False
