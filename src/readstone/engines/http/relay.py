"""An engine's stream becomes events: chunks go on as they came, or as their text; the last one waits for the usage.

The wire: OpenAI chat completion chunks as server-sent events (OpenAI specification 2.3.0), as vLLM, SGLang,
llama.cpp, Ollama and hosted APIs write them.
"""

from typing import Final

from readstone.core.chat import FinishReason, Relay, TextDelta
from readstone.core.errors import EngineFailed
from readstone.core.record import record
from readstone.engines.http.calls import Calls
from readstone.engines.http.chunk import (
    ChunkChoice,
    Count,
    as_chunk,
    is_error,
    read_choices,
    read_count,
    read_fingerprint,
    read_members,
    read_reason,
    reopened,
    with_known_reasons,
)
from readstone.engines.http.event import Events, event_lines
from readstone.engines.http.plain import Plain, read_plain
from readstone.engines.http.tally import Tally

_DATA: Final = b"data: "
_DONE: Final = b"[DONE]"
_END: Final = _DATA + _DONE
_BLANK: Final = b"\n\n"
_CHOICES: Final = b'"choices":'
_NO_CHOICES: Final = b"[]"
_CALLS: Final = b'"tool_calls":'
_REASON: Final = (b'"finish_reason":"', b'"finish_reason": "')
"""How a chunk says that a choice is whole, without and with spaces; inside a JSON text the quotes would be escaped."""
_OPEN: Final = (b'"finish_reason":null', b'"finish_reason": null')


@record
class End:
    """How an engine's stream ended.

    `choices` is the held-back JSON of the last chunk's choices, None where no chunk gave a reason; `count` is None
    where the engine told no usage; `extras` are the members of its last chunks that are none of the protocol's,
    `fingerprint` is what it called what answered, or empty.
    """

    reason: FinishReason
    choices: bytes | None
    count: Count | None
    extras: dict[str, bytes]
    fingerprint: str


class InBandError(Exception):
    """The engine sent an error inside its stream; `body` is its JSON, for `failures`, `before` what came together with it."""

    def __init__(self, body: bytes) -> None:
        super().__init__("The engine sent an error inside its stream.")
        self.body = body
        self.before: Relay | None = None


_KNOWN: Final = frozenset(
    {"id", "object", "created", "model", "choices", "usage", "system_fingerprint", "x_metrics"}
)


class ChunkReader:
    """Reads one stream, piece by piece; or the one JSON document of an engine that does not stream.

    Calls of tools are numbered where the request `has_tools`, and other chunks are not looked through for them.
    Where it `gathers`, nobody reads the stream as it comes: chunks that only add text are one text, the last of them too.

    Engines write the same bytes around the choices of every chunk of a stream. They are learnt from the first chunk;
    a chunk that has them around its choices, and gives no reason to end, goes on without being parsed.
    """

    __slots__ = (
        "_between",
        "_calls",
        "_close",
        "_end",
        "_events",
        "_extras",
        "_fingerprint",
        "_gathers",
        "_has_choices",
        "_head",
        "_held",
        "_last",
        "_reason",
        "_tally",
        "is_done",
        "tokens",
    )

    def __init__(self, *, gathers: bool = False, has_tools: bool = False) -> None:
        self.tokens = 0
        """Chunks with something in them so far: what the answer is worth where the engine does not count."""
        self.is_done = False
        self._has_choices = False
        self._gathers = gathers
        self._events = Events()
        self._head = b""
        self._end = b""
        self._between = b""
        self._close = b""
        self._last = b""
        self._held: bytes | None = None
        self._reason: FinishReason = "stop"
        self._tally = Tally()
        self._calls = Calls() if has_tools else None
        self._extras: dict[str, bytes] = {}
        self._fingerprint = ""

    def feed(self, piece: bytes) -> Relay | TextDelta | None:
        """Take the next bytes of the stream, which are empty at its end; what can go on now, in one event.

        Raises InBandError where the engine says that it failed, EngineFailed for what is not the protocol.
        """
        if not (piece or self._events.rest) or not (content := self._events.feed(piece)):
            return None
        if b'"reasoning":' in content and b'"reasoning_content":' not in content:
            # What vLLM calls it; clients know the other name. Inside a JSON text the quotes would be escaped.
            content = content.replace(b'"reasoning":', b'"reasoning_content":')
        if self._gathers and (plain := read_plain(content)) is not None:
            return self._gathered(plain)
        self._gathers = False
        return self._relay(content)

    def end(self) -> End:
        """How the stream ended, all of it taken; EngineFailed where it did so in the middle of the answer."""
        if self._events.is_document:
            self._take_document()
        if self._held is None and not self.is_done:
            raise EngineFailed("The engine ended its answer in the middle.")
        if not self._has_choices:
            raise EngineFailed("The engine ended its answer before it began.")
        return End(self._reason, self._held, self._tally.count, self._extras, self._fingerprint)

    def _take_document(self) -> None:
        """Take what came as one chunk, the last one."""
        ready: list[bytes] = []
        self._event(_DATA + as_chunk(self._events.rest), ready)
        self._held = self._held or next(iter(ready), None)
        if self._held is None:
            raise EngineFailed("The engine sent something else than an answer.")
        self.is_done = True

    def _gathered(self, plain: Plain) -> TextDelta | None:
        if plain.reason is not None:
            self._reason = read_reason(plain.reason)
            self._tally.end_choice()
            self.is_done = True
        if plain.count is not None:
            self._tally.take(plain.count, is_alone=plain.is_alone)
        self._has_choices = self._has_choices or plain.has_choices
        self._fingerprint = self._fingerprint or plain.fingerprint or ""
        self.is_done = self.is_done or plain.is_done
        self.tokens += plain.tokens
        return TextDelta(plain.text, plain.tokens) if plain.tokens else None

    def _relay(self, block: bytes) -> Relay | None:
        ready: list[bytes] = []
        before = self.tokens
        is_first = not self._head
        failure = None
        try:
            self._read(block, ready)
        except InBandError as error:
            failure = error
        told = self._fingerprint if is_first else ""
        relay = Relay(tuple(ready), self.tokens - before, told) if ready else None
        if failure is not None:
            failure.before = relay
            raise failure
        return relay

    def _read(self, block: bytes, ready: list[bytes]) -> None:
        if not self._head:
            first, _, block = block.partition(_BLANK)
            self._event(first, ready)
        if self._head and block:
            block = self._pass_on(block, ready)
        for event in block.split(_BLANK) if block else ():
            if event == _END:
                self.is_done = True
            elif event:
                self._event(event, ready)

    def _pass_on(self, block: bytes, ready: list[bytes]) -> bytes:
        """Let whole chunks go on without parsing them, where all of them are of the kind that was learnt; what is left."""
        if self._held is not None or (self._calls is not None and _CALLS in block):
            return block
        head, end = self._head, self._end
        plain, rest = block, b""
        reason = block.find(self._last)
        if reason >= 0:
            begin = block.rfind(_BLANK, 0, reason) + len(_BLANK) if _BLANK in block[:reason] else 0
            plain, rest = block[:begin], block[begin:]
        if not (plain.startswith(head) and plain.endswith(end)):
            return block
        chunks = plain[len(head) : -len(end)].split(self._between)
        if not len(chunks) == plain.count(_BLANK) == plain.count(self._close):
            return block
        ready += chunks
        self.tokens += len(chunks)
        return rest

    def _event(self, event: bytes, ready: list[bytes]) -> None:
        head, end = self._head, self._end[:-2]
        if head and event.startswith(head) and event.endswith(end):
            # Around its choices stands what stood around the first one's, so nothing there is new.
            raw = event[len(head) : len(event) - len(end)]
            if raw.endswith(b"}]") and raw.count(b"]") == 1:
                self._take(raw, read_choices(raw), ready)
                return
        is_failure = False
        for line in event_lines(event):
            name, _, value = line.partition(b":")
            content = value.strip()
            is_failure = is_failure or (name == b"event" and content == b"error")
            if name == b"error" or (is_failure and name == b"data"):
                raise InBandError(content)
            if name == b"data" and content:
                self._data(line, content, ready)

    def _data(self, line: bytes, content: bytes, ready: list[bytes]) -> None:
        if content == _DONE:
            self.is_done = True
        else:
            self._chunk(line, content, ready)

    def _chunk(self, line: bytes, content: bytes, ready: list[bytes]) -> None:
        members = read_members(content)
        raw = members.get("choices")
        choices = _NO_CHOICES if raw is None else bytes(raw)
        if is_error(members):
            raise InBandError(content)
        for name in members.keys() - _KNOWN:
            if (member := bytes(members[name])) != b"null":
                self._extras[name] = member
        read = [] if choices == _NO_CHOICES else read_choices(choices)
        if any(choice.message is not None for choice in read):
            # A whole answer as an event of a stream, which servers that cannot stream make of it.
            self._chunk(line, as_chunk(content), ready)
            return
        usage = members.get("usage")
        if usage is not None and (count := read_count(usage)) is not None:
            self._tally.take(count, is_alone=not read)
        if not read:
            return
        self._take(choices, read, ready)
        if not self._head:
            self._fingerprint = read_fingerprint(members)
            self._learn(line, choices)

    def _take(self, raw: bytes, choices: list[ChunkChoice], ready: list[bytes]) -> None:
        self._has_choices = True
        if self._calls is not None and any(choice.has_calls for choice in choices):
            raw = self._calls.numbered(raw)
        held, self._held = self._held, None
        if held is not None:
            # More came after a chunk with a reason: of another choice, or, where an engine says more, of the same.
            held, self._held = reopened(held, {choice.index for choice in choices})
            ready.append(held)
        reasons: list[object] = []
        says_something = False
        for choice in choices:
            says_something = says_something or choice.says_something
            if choice.finish_reason:
                reasons.append(choice.finish_reason)
        self.tokens += says_something
        if not reasons:
            ready.append(raw)
            return
        known: list[FinishReason] = [read_reason(reason) for reason in reasons]
        self._reason = known[-1]
        self._held = raw if known == reasons else with_known_reasons(raw)
        self._tally.end_choice()

    def _learn(self, line: bytes, choices: bytes) -> None:
        """Note what stands around the choices, where all that is looked for stands as it is looked for."""
        head, mark, rest = line.partition(_CHOICES)
        before = len(rest) - len(rest.lstrip())
        is_open = _OPEN[0] in choices or _OPEN[1] in choices
        is_plain = is_open or b"finish_reason" not in choices
        if mark and is_plain and line.startswith(_DATA) and rest[before:].startswith(choices):
            self._head = head + mark + rest[:before]
            self._end = rest[before + len(choices) :] + _BLANK
            self._between = self._end + self._head
            self._close = b"}]" + self._end
            spaced = _OPEN[1] in choices if b"finish_reason" in choices else before > 0
            self._last = _REASON[spaced]
