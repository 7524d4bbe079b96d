"""What an engine says went wrong, whatever the shape it says it in."""

import re
from dataclasses import dataclass
from typing import Any, Final

import msgspec

_QUOTED = re.compile(r"(['\"`]).{24,}?\1", re.DOTALL)
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
    inner = error.code if isinstance(error.code, int) else 0
    # vLLM says where the property lies in its own view of a request: body.seed.
    param = error.param.removeprefix("body.") if isinstance(error.param, str) else None
    return Complaint(
        status or inner, error.message, code.lower(), param, error.n_ctx, error.n_prompt_tokens
    )
