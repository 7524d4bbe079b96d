"""A request's place in a trace, as W3C's Trace Context writes it (https://www.w3.org/TR/trace-context/)."""

import random
import re
import secrets
from dataclasses import dataclass
from typing import Literal, TypeAlias

Headers: TypeAlias = tuple[tuple[str, str], ...]
Attributes: TypeAlias = dict[str, str | int | float | bool | list[str]]

_PARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_STATE = re.compile(r"[\x20-\x7e]{1,512}")
_SAMPLED = 0x01
_FORBIDDEN = "ff"


@dataclass(frozen=True, slots=True)
class Trace:
    """The span of a request: ids as lower-case hex, the parent's empty where the trace begins here."""

    trace_id: str
    parent_id: str
    span_id: str
    is_sampled: bool
    state: str = ""

    @property
    def headers(self) -> Headers:
        """What is passed on to servers that are asked for this request."""
        parent = f"00-{self.trace_id}-{self.span_id}-{_SAMPLED if self.is_sampled else 0:02x}"
        if self.state:
            return (("traceparent", parent), ("tracestate", self.state))
        return (("traceparent", parent),)


@dataclass(frozen=True, slots=True)
class Span:
    """A span that has ended; times are Unix nanoseconds. `error` is its error's code, empty where there was none."""

    name: str
    kind: Literal["server", "client", "internal"]
    span_id: str
    parent_id: str
    begun: int
    ended: int
    attributes: Attributes
    error: str = ""


def begin_trace(parent: str | None, state: str | None, ratio: float) -> Trace:
    """The place of a new request: within the trace its client names, as sampled as that, else in a new one.

    Of new ones a share of `ratio` (0 to 1) is sampled. What is no traceparent counts as none, as the recommendation says.
    """
    found = _PARENT.fullmatch(parent) if parent else None
    if found is None or not _is_valid(found):
        is_sampled = ratio >= 1 or random.random() < ratio  # noqa: S311  (nothing secret)
        return Trace(secrets.token_hex(16), "", new_span_id(), is_sampled)
    _, trace_id, parent_id, flags, _ = found.groups()
    kept = state if state and _STATE.fullmatch(state) else ""
    return Trace(trace_id, parent_id, new_span_id(), bool(int(flags, 16) & _SAMPLED), kept)


def new_span_id() -> str:
    """An id that no other span has."""
    return secrets.token_hex(8)


def _is_valid(found: re.Match[str]) -> bool:
    version, trace_id, parent_id, _, rest = found.groups()
    is_known = version != _FORBIDDEN and (version != "00" or rest is None)
    return is_known and bool(trace_id.strip("0")) and bool(parent_id.strip("0"))
