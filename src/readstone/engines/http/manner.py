"""How a request is put to a server: as most take it, and with less of what we add where a server refuses that."""

import re
from dataclasses import replace
from typing import Final

from readstone.core.chat import ChatRequest
from readstone.core.errors import ContextTooLong, InvalidRequest, RequestError
from readstone.core.record import record
from readstone.engines.http.complaint import Complaint

_LENGTH: Final = "max_tokens"
_OTHER_LENGTH: Final = "max_completion_tokens"
_OTHERWISE: Final = re.compile(rf"'{_LENGTH}' is not supported.{{0,60}}'{_OTHER_LENGTH}'")
"""OpenAI, of its models that reason."""
_USAGE: Final = "stream_options"
_SAMPLING: Final = re.compile(r"'(temperature|top_p)' (?:does not support|is not supported)")
"""OpenAI, of the same models: they take their own values only."""


@record
class Manner:
    """How many tokens the answer may have, None where the engine decides; how that is called; what is left out."""

    length: int | None
    length_name: str = _LENGTH
    left_out: frozenset[str] = frozenset()


class Manners:
    """Knows what a server was found to refuse, by the name of its model.

    Only what the client did not write is changed: a length, a temperature or a `top_p` that is the model's default, and that
    usage is asked for. So nobody is refused for what we add.
    """

    def __init__(self) -> None:
        self._learnt: dict[str, Manner] = {}

    def forget(self) -> None:
        """The server was away: what comes back may be another."""
        self._learnt.clear()

    def first(self, request: ChatRequest) -> Manner:
        """How a request is put first."""
        learnt = self._learnt.get(request.model.name_at_engine)
        if learnt is None:
            return Manner(request.max_tokens)
        left_out = learnt.left_out & (request.defaulted | {_USAGE})
        return replace(learnt, length=request.max_tokens, left_out=left_out)

    def next(
        self, manner: Manner, request: ChatRequest, error: RequestError, complaint: Complaint | None
    ) -> Manner | None:
        """How to put it once more after that error; None where that would not help, and the client is to know."""
        if isinstance(error, ContextTooLong):
            return _shorter(manner, request, error)
        if complaint is None or not isinstance(error, InvalidRequest):
            return None
        if manner.length_name == _LENGTH and _OTHERWISE.search(complaint.message):
            found = replace(manner, length_name=_OTHER_LENGTH)
        elif (name := _refused(complaint)) in (request.defaulted | {_USAGE}) - manner.left_out:
            found = replace(manner, left_out=manner.left_out | {name})
        else:
            return None
        self._learnt[request.model.name_at_engine] = found
        return found


def _refused(complaint: Complaint) -> str:
    """What of ours a server says that it does not take; empty where it is something else."""
    if (complaint.param or "").startswith(_USAGE):
        return _USAGE
    found = _SAMPLING.search(complaint.message)
    return found[1] if found else ""


def _shorter(manner: Manner, request: ChatRequest, error: ContextTooLong) -> Manner | None:
    """With as much room as is left beside the prompt, where the model's default length was asked for."""
    is_first = _LENGTH in request.defaulted and manner.length == request.max_tokens
    is_known = error.context is not None and error.prompt is not None
    room = _room(error)
    if not is_first or (is_known and room is None) or room == manner.length:
        return None
    return replace(manner, length=room)


def _room(refusal: ContextTooLong) -> int | None:
    """Tokens left for an answer beside the prompt; None where only the engine knows: then it is asked for no length."""
    if refusal.context is None or refusal.prompt is None or refusal.prompt >= refusal.context:
        return None
    return refusal.context - refusal.prompt
