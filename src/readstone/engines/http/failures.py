"""What an engine says went wrong becomes an error of ours: its own words go to the log, never to the client."""

import re
import time
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from math import isfinite
from typing import Final

from readstone.core.errors import (
    EngineFailed,
    EngineTimeout,
    EngineUnavailable,
    InvalidImage,
    InvalidRequest,
    Overloaded,
    RequestError,
    TooLarge,
    UnsupportedParameter,
)
from readstone.engines.http.complaint import Complaint
from readstone.engines.http.too_long import read_too_long

_MOST_RETRY_SECONDS: Final = 60.0
_DATE: Final = "%a, %d %b %Y %H:%M:%S GMT"
"""How HTTP writes a date (RFC 9110, 5.6.7); its older forms are not read."""
_FULL = re.compile(r"queue|capacity|overload|too many|busy", re.IGNORECASE)
"""A server that is up and says so with a 503: vLLM over its bound of queued requests."""
_BROKEN_IMAGE = re.compile(
    r"(?:load|decode|process|open|identify|invalid).{0,20} image|image.{0,30}(?:invalid|corrupt|decode|truncated)",
    re.IGNORECASE,
)
_LACKING: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (
        # vLLM; llama.cpp; Ollama
        re.compile(
            r"tool.choice.*(?:requires|parser)|tool.call.parser|tools? (?:param|require)|not support tools",
            re.IGNORECASE,
        ),
        "This model's engine was started without support for tools.",
        "tools",
    ),
    (
        re.compile(r"at most \d+ \w+(?:\(s\))? may be provided", re.IGNORECASE),
        "The request has more images than this model's engine takes.",
        "messages",
    ),
    (
        re.compile(
            r"not a multimodal|image input is not supported|does not support (?:image|vision)",
            re.IGNORECASE,
        ),
        "This model's engine takes no images.",
        "messages",
    ),
    (
        re.compile(r"not support thinking", re.IGNORECASE),
        "This model does not think before it answers: leave 'reasoning_effort' out.",
        "reasoning_effort",
    ),
)
"""What an engine or its model cannot do at all, in their words and in ours, and the field it is about.

llama.cpp says 500 of some of it.
"""
_KNOWN: tuple[tuple[re.Pattern[str], str, str], ...] = (
    *_LACKING,
    (
        re.compile(
            r"\bn\b.{0,30}(?:greedy|temperature)|(?:best_of|multiple completions|n > 1)",
            re.IGNORECASE,
        ),
        "This model's engine gives only one choice here: leave 'n' out, or sample with a temperature above 0.",
        "n",
    ),
    (
        # Engines are asked for streams, in which vLLM has none.
        re.compile(r"prompt_logprobs.{0,40}stream", re.IGNORECASE),
        "This model's engine gives no log probabilities of the prompt here: leave 'prompt_logprobs' out.",
        "prompt_logprobs",
    ),
    (
        # llama.cpp; vLLM
        re.compile(r"top_logprobs.{0,30}(?:requires|logprobs.{0,10}must be)", re.IGNORECASE),
        "'top_logprobs' is for answers with log probabilities: set 'logprobs' to true.",
        "top_logprobs",
    ),
    (
        re.compile(r"top_logprobs|logprobs", re.IGNORECASE),
        "This model's engine does not give so many log probabilities.",
        "top_logprobs",
    ),
)
"""What engines refuse, in their words and in ours, and the field it is about."""
_SHAPE = re.compile(r"grammar|json.?schema|response_format|structured", re.IGNORECASE)
_SHAPES = (
    *("response_format", "json_schema", "grammar", "structured_outputs"),
    *("guided_json", "guided_regex", "guided_grammar", "guided_choice", "tools"),
)
"""What can ask for an answer of some shape, of OpenAI, llama.cpp and vLLM."""
_NAMED = re.compile(r"Field '([^']+)'")
"""llama.cpp: Field 'n': Value must be between …"""
_MISREAD = re.compile(r"Failed to parse (tools|messages)\b")
"""llama.cpp says 500 of what a client wrote, where it cannot make sense of it."""
_PROPERTY = re.compile(r"[a-z_]{1,40}(?:[.\[][\w.\[\]]{0,80})?")


def _failed(engine: str, seconds: float) -> RequestError:
    del seconds
    return EngineFailed(f"{engine} failed on this request.")


_SPENT = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
"""OpenAI says 429 of an account without credit, to which waiting is no help."""
_REFUSALS = frozenset({400, 422, 501})
_MEANINGS: dict[int, Callable[[str, float], RequestError]] = {
    # Of these nothing was begun, so another may be asked: a pool's other members, what stands in for the model.
    401: lambda engine, _: EngineUnavailable(f"{engine} does not accept this server's key."),
    403: lambda engine, _: EngineUnavailable(f"{engine} does not accept this server's key."),
    402: lambda engine, _: EngineUnavailable(f"{engine} takes no more of this server's account."),
    404: lambda engine, _: EngineUnavailable(f"{engine} does not have that model."),
    408: lambda engine, _: EngineTimeout(f"{engine} did not answer in time."),
    413: lambda engine, _: TooLarge(f"The request is larger than it may be. {engine} takes less."),
    429: lambda engine, seconds: Overloaded(f"{engine} is busy.", retry_after=seconds),
    502: lambda engine, seconds: EngineUnavailable(f"{engine} is not up.", retry_after=seconds),
    503: lambda engine, seconds: EngineUnavailable(f"{engine} is not up.", retry_after=seconds),
    504: lambda engine, _: EngineTimeout(f"{engine} did not answer in time."),
    **dict.fromkeys(
        (521, 522, 523, 525, 526),
        lambda engine, seconds: EngineUnavailable(f"{engine} is not up.", retry_after=seconds),
    ),
    524: lambda engine, _: EngineTimeout(f"{engine} did not answer in time."),
    529: lambda engine, seconds: Overloaded(f"{engine} is busy.", retry_after=seconds),
}
"""What a status of an engine means, given how the engine is called and the seconds it asks to wait.

Those from 521 on are of hosted APIs: Cloudflare's of a server that it does not reach, Anthropic's of one that is full.
"""


def translate(
    complaint: Complaint, model: str, retry_after: float | None, sent: Collection[str] = ()
) -> RequestError:
    """The error of ours that an engine's complaint stands for; `retry_after` in seconds, where it told.

    `sent` are the names of properties that were passed on as the client wrote them.
    """
    status = complaint.status
    if (too_long := read_too_long(complaint, model)) is not None:
        return too_long
    if status in _REFUSALS:
        return _refusal(complaint, model, sent)
    if misread := _MISREAD.match(complaint.message):
        return _refused(model, misread[1])
    if status == HTTPStatus.INTERNAL_SERVER_ERROR and (lacking := _known(complaint, _LACKING)):
        return lacking
    if status == HTTPStatus.SERVICE_UNAVAILABLE and _FULL.search(complaint.message):
        status = HTTPStatus.TOO_MANY_REQUESTS
    if complaint.code in _SPENT:
        status = HTTPStatus.PAYMENT_REQUIRED
    meaning = _MEANINGS.get(status, _failed)
    seconds = min(1.0 if retry_after is None else retry_after, _MOST_RETRY_SECONDS)
    return meaning(f"The engine of '{model}'", seconds)


def read_retry_after(value: str | None, now: Callable[[], float] = time.time) -> float | None:
    """Seconds of a Retry-After header, which has them or a date (RFC 9110, 10.2.3); None where there is none."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        date = _date(value)
        return None if date is None else max(date - now(), 0.0)
    return max(seconds, 0.0) if isfinite(seconds) else None


def _date(value: str) -> float | None:
    try:
        return datetime.strptime(value.strip(), _DATE).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _known(
    complaint: Complaint, refusals: Sequence[tuple[re.Pattern[str], str, str]]
) -> UnsupportedParameter | None:
    for pattern, message, param in refusals:
        if pattern.search(complaint.message):
            return UnsupportedParameter(message, param=param)
    return None


def _refusal(complaint: Complaint, model: str, sent: Collection[str]) -> InvalidRequest:
    if known := _known(complaint, _KNOWN):
        return known
    if _SHAPE.search(complaint.message):
        param = next((name for name in _SHAPES if name in sent), "response_format")
        return UnsupportedParameter(
            f"This model's engine cannot follow the schema of '{param}'.", param=param
        )
    if _BROKEN_IMAGE.search(complaint.message):
        return InvalidImage("An image of the request is broken inside.", param="messages")
    named = _NAMED.match(complaint.message)
    return _refused(model, named[1] if named else complaint.param)


def _refused(model: str, param: str | None) -> InvalidRequest:
    if param is not None and not _PROPERTY.fullmatch(param):
        param = None
    about = f" It is about '{param}'." if param else ""
    return InvalidRequest(
        f"The engine of '{model}' refuses the request.{about} The server's log says why, under this request's id.",
        param=param,
        code="refused_by_engine",
    )
