"""What an engine says went wrong, whatever the shape it says it in."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

_QUOTED = re.compile(r"(['\"`]).{24,}?\1", re.DOTALL)
_STATUS = re.compile(r"[1-5]\d\d")
_STATUSES: Final[Mapping[str, int]] = {
    "invalid_request_error": 400,
    "rate_limit_error": 429,
    "overloaded_error": 529,
    "timeout_error": 504,
}
"""Of the types of errors that hosted APIs send without a code."""
_MOST_LOGGED: Final = 300


@dataclass(frozen=True, slots=True)
class Complaint:
    """What an engine said: the status (0 inside a stream), its message, code and type in lower case, and the field."""

    status: int
    message: str
    code: str
    param: str | None
    context: int | None = None
    prompt: int | None = None

    @property
    def logged(self) -> str:
        """The message as it may be logged: quoted texts, which may be a prompt's, left out."""
        return _QUOTED.sub(r"\1…\1", self.message)[:_MOST_LOGGED]


class Error(msgspec.Struct):
    """The members of an error that engines agree on; llama.cpp adds the last two where the context is too long."""

    message: str = ""
    type: str | None = None
    code: str | int | None = None
    param: Any = None
    n_prompt_tokens: int | None = None
    n_ctx: int | None = None


class Body(msgspec.Struct):
    """An error's body: nested (OpenAI), a text (Ollama), flat (older vLLM), or a validator's `detail`."""

    error: Error | str | None = None
    message: str | None = None
    detail: Any = None
    code: str | int | None = None
    type: str | None = None
    param: Any = None


_BODY = msgspec.json.Decoder(Body)


def read_complaint(status: int, body: bytes) -> Complaint:
    """What an engine's error body says, whatever its shape; an empty complaint for what says nothing."""
    try:
        found = _BODY.decode(body)
    except msgspec.DecodeError:
        return Complaint(status, "", "", None)
    match found.error:
        case Error() as error:
            pass
        case str(message):
            error = Error(message)
        case None:
            detail = msgspec.json.encode(found.detail).decode() if found.detail is not None else ""
            error = Error(found.message or detail, found.type, found.code, found.param)
    code = str(error.code) if isinstance(error.code, str) else error.type or ""
    # vLLM says where the property lies in its own view of a request: body.seed.
    named = error.param if isinstance(error.param, str) else _place(found.detail)
    param = None if named is None else named.removeprefix("body.")
    return Complaint(
        status or _status(error),
        *(error.message, code.lower(), param, error.n_ctx, error.n_prompt_tokens),
    )


def _status(error: Error) -> int:
    """The status that an error inside a stream would have had, 0 where nothing tells."""
    code = str(error.code)
    if _STATUS.fullmatch(code):  # LiteLLM writes it as a text
        return int(code)
    return _STATUSES.get(error.type or "", 0)


def _place(detail: Any) -> str | None:
    """Where a validator found something wrong: FastAPI's `loc` of the first."""
    match detail:
        case [{"loc": [*path]}, *_]:
            return "".join(
                f"[{step}]" if isinstance(step, int) else f".{step}" for step in path
            ).removeprefix(".")
        case _:
            return None
