"""An engine's answer that is ended where the model has run into a loop."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Final

import msgspec

from readstone.core.chat import ChatEvent, Finish, Relay, TextDelta
from readstone.core.usage import Usage
from readstone.engines.http.loop_guard import LoopGuard

LOOPED: Final = (
    "The model began to repeat itself without end and was stopped; the token counts are estimates."
)
"""The note of an answer that was ended."""

_ENDED: Final = b'[{"index":0,"delta":{},"logprobs":null,"finish_reason":"length"}]'


class _Delta(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None


class _Choice(msgspec.Struct):
    index: int = 0
    delta: _Delta = msgspec.field(default_factory=_Delta)


_CHOICES: Final = msgspec.json.Decoder(list[_Choice])


async def stop_loops(events: AsyncGenerator[ChatEvent], prompt: Usage) -> AsyncGenerator[ChatEvent]:
    """The same events; where the text loops they end with `length` and a note, and the engine's work is aborted.

    `prompt` is what the request is taken to have consumed where the engine can no longer be asked: its completion
    tokens are replaced by those that were seen. An answer of several choices is passed on unguarded: ending it
    would end the good ones too.
    """
    guard = LoopGuard()
    tokens = 0
    relayed, guarding = False, True
    async with aclosing(events):
        async for event in events:
            yield event
            if isinstance(event, Finish):
                return
            tokens += event.tokens
            relayed = isinstance(event, Relay)
            text = _text(event) if guarding else ""
            guarding = guarding and text is not None
            if text and guard.feed(text):
                break
        else:
            return
    # The engine is closed by now: what it would have gone on to generate is neither waited for nor paid.
    yield Finish(
        "length",
        replace(prompt, completion_tokens=tokens),
        choices=_ENDED if relayed else None,
        notes=(LOOPED,),
    )


def _text(event: TextDelta | Relay) -> str | None:
    """What an event adds to the answer or to the reasoning before it; None where it has a second choice."""
    if isinstance(event, TextDelta):
        return event.text
    texts: list[str] = []
    for chunk in event.choices:
        try:
            choices = _CHOICES.decode(chunk)
        except msgspec.MsgspecError:
            continue  # what an engine wrote is judged where it is read, and passed on as it is
        for choice in choices:
            if choice.index:
                return None
            delta = choice.delta
            texts.append(delta.content or delta.reasoning_content or delta.reasoning or "")
    return "".join(texts)
