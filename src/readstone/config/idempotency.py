"""The section of requests that are sent again."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

_MEBIBYTE = 1024 * 1024
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class IdempotencyConfig:
    """Answers that are kept for a while, for requests with an Idempotency-Key."""

    enabled: Annotated[
        bool,
        Meta(
            description="Whether answers to requests with an Idempotency-Key are kept; if not, such requests are refused."
        ),
    ] = True
    ttl_seconds: Annotated[
        int, Meta(ge=1, le=_DAY, description="How long an answer is kept, a day at most.")
    ] = _DAY
    answer_bytes: Annotated[int, Meta(ge=1024, description="Largest answer that is kept.")] = (
        4 * _MEBIBYTE
    )
    entries_per_key: Annotated[
        int, Meta(ge=1, description="Answers kept for one key; the oldest go first.")
    ] = 10_000
    bytes_per_key: Annotated[
        int, Meta(ge=1024, description="Bytes of answers kept for one key; the oldest go first.")
    ] = 64 * _MEBIBYTE
