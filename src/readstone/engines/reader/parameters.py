"""Which properties of a chat request a reader honours, and which it must refuse."""

from collections.abc import Mapping
from typing import Final

from readstone.core.errors import UnsupportedParameter

WITHOUT_EFFECT: Final = {
    "metadata": "a note of the client's",
    "parallel_tool_calls": "there are no tools to call",
    "prompt_cache_key": "nothing is cached between requests",
    "prompt_cache_retention": "nothing is cached between requests",
    "safety_identifier": "a note of the client's",
    "seed": "the reader is deterministic: every seed gives the same answer",
    "user": "a note of the client's",
}
"""Honoured with any value, because every value asks for what the reader does anyway."""

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
"""Honoured with these values only, in JSON without white space; null is always neutral."""


def refuse_unsupported(extras: Mapping[str, bytes]) -> None:
    """Raise UnsupportedParameter for the first property, by name, whose value a reader cannot honour."""
    for name in sorted(extras):
        value = b"".join(extras[name].split())
        if value == b"null" or name in WITHOUT_EFFECT or value in NEUTRAL.get(name, frozenset()):
            continue
        if name in NEUTRAL:
            neutral = " or ".join(sorted(option.decode() for option in NEUTRAL[name]))
            raise UnsupportedParameter(
                f"This model reads documents and cannot honour '{name}' other than {neutral}. "
                "Leave it out, or name a model of kind 'chat' or 'vision'.",
                param=name,
            )
        raise UnsupportedParameter(
            f"This model reads documents and does not know '{name[:80]}'. Leave it out.",
            param=name[:80],
        )
