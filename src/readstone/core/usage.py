"""What a request consumed, and how long it took."""

from readstone.core.record import record


@record
class Usage:
    """Tokens of one request.

    `prompt_tokens` includes `image_tokens` and `cached_tokens`, `completion_tokens` includes `reasoning_tokens`.
    `image_tokens_estimated` says that the engine did not tell the image tokens: they were derived from the sizes. `pages` are the
    images and pages of documents that were looked at.
    """

    prompt_tokens: int
    completion_tokens: int
    image_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    image_tokens_estimated: bool = False
    pages: int = 0

    @property
    def total_tokens(self) -> int:
        """Prompt and completion together."""
        return self.prompt_tokens + self.completion_tokens


@record
class Metrics:
    """Seconds of one request, measured by the gateway (contract: `x_metrics`).

    `ttft_seconds` from arrival to the first token, `tps` completion tokens per second after the first,
    `total_time_seconds` from arrival to the end; of these, `image_seconds` until the request and its images were there and
    checked, and `queue_seconds` waited for a permit. `notes` are sentences about how the answer came to be.
    """

    ttft_seconds: float
    tps: float
    total_time_seconds: float
    image_seconds: float
    queue_seconds: float
    engine: str
    notes: tuple[str, ...] = ()
