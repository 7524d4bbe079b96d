"""Events of a stream that add text to its only choice and say nothing else: all that have come are read in one step."""

from typing import Final, Literal

import msgspec

from readstone.core.record import record
from readstone.engines.http.chunk import Count

_DATA: Final = b"data: "
_BETWEEN: Final = b"\n\ndata: "
_NEXT: Final = b"\n,"
"""What takes its place in a list: where it stood in a text, a line's end still makes the text none of JSON's."""
_BLANK: Final = b"\n\n"
_DONE: Final = b"data: [DONE]\n\n"


class _Delta(msgspec.Struct, forbid_unknown_fields=True):
    content: str | None = None
    role: str | None = None
    refusal: None = None
    reasoning_content: None = None
    tool_calls: None = None
    function_call: None = None


class _Choice(msgspec.Struct, forbid_unknown_fields=True):
    index: Literal[0] = 0
    delta: _Delta | None = None
    finish_reason: str | None = None
    logprobs: None = None
    stop_reason: None = None
    token_ids: None = None


class _Chunk(msgspec.Struct, forbid_unknown_fields=True):
    """A chunk of OpenAI's, with the members in which engines say nothing."""

    choices: list[_Choice]
    id: str | None = None
    object: str | None = None
    created: int | None = None
    model: str | None = None
    usage: Count | None = None
    system_fingerprint: str | None = None
    service_tier: None = None
    prompt_token_ids: None = None


_CHUNKS: Final = msgspec.json.Decoder(list[_Chunk])


@record
class Plain:
    """What such events say: text, how many of them have some, and what the last ones told, each None where none did.

    Its count `is_alone` where it came without choices.
    """

    text: str
    tokens: int
    reason: str | None
    count: Count | None
    is_alone: bool
    has_choices: bool
    fingerprint: str | None
    is_done: bool


def read_plain(block: bytes) -> Plain | None:
    """What events say that are there from their begin to their end; None where one says more than text, or several count."""
    is_done = block.endswith(_DONE)
    block = block.removesuffix(_DONE)
    if not (block.startswith(_DATA) and block.endswith(_BLANK)):
        return None
    content = block[len(_DATA) : -len(_BLANK)].replace(_BETWEEN, _NEXT)
    try:
        chunks = _CHUNKS.decode(b"[%b]" % content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    texts: list[str] = []
    reason = count = fingerprint = None
    has_choices = is_alone = False
    for chunk in chunks:
        if chunk.usage is not None:
            if count is not None:
                return None
            count, is_alone = chunk.usage, not chunk.choices
        for choice in chunk.choices:
            has_choices = True
            if choice.delta is not None and choice.delta.content:
                texts.append(choice.delta.content)
            reason = choice.finish_reason or reason
        fingerprint = fingerprint or chunk.system_fingerprint
    said = "".join(texts)
    return Plain(said, len(texts), reason, count, is_alone, has_choices, fingerprint, is_done)
