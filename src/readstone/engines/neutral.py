"""Values of a chat request's properties that ask for nothing: every engine answers as if they were left out."""

from typing import Final

NEUTRAL: Final[dict[str, frozenset[bytes]]] = {
    "frequency_penalty": frozenset({b"0", b"0.0"}),
    "function_call": frozenset({b'"none"', b'"auto"'}),
    "functions": frozenset({b"[]"}),
    "logit_bias": frozenset({b"{}"}),
    "logprobs": frozenset({b"false"}),
    "modalities": frozenset({b'["text"]'}),
    "n": frozenset({b"1"}),
    "presence_penalty": frozenset({b"0", b"0.0"}),
    "reasoning_effort": frozenset({b'"none"'}),
    "response_format": frozenset({b'{"type":"text"}'}),
    "service_tier": frozenset({b'"auto"', b'"default"'}),
    "stop": frozenset({b"[]"}),
    "store": frozenset({b"false"}),
    "tool_choice": frozenset({b'"none"', b'"auto"'}),
    "tools": frozenset({b"[]"}),
    "top_logprobs": frozenset({b"0"}),
}
"""In JSON without white space; null asks for nothing, whatever the property."""


def asks_for_nothing(name: str, raw: bytes) -> bool:
    """Whether a property with this value (JSON) is as good as left out."""
    value = b"".join(raw.split())
    return value == b"null" or value in NEUTRAL.get(name, frozenset())
