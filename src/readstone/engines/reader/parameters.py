"""Which properties of a chat request a reader honours, and which it must refuse."""

from collections.abc import Mapping
from typing import Final

from readstone.core.errors import UnsupportedParameter
from readstone.engines.neutral import NEUTRAL, asks_for_nothing

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

_FORMATS: Final = (
    "This model reads documents: as JSON it gives the values of a schema. Send 'response_format' with "
    '{"type": "json_schema"}, or write the schema into the prompt, too.'
)


def refuse_unsupported(extras: Mapping[str, bytes]) -> None:
    """Raise UnsupportedParameter for a property whose value a reader cannot honour: `tools`, else the first by name."""
    for name in sorted(extras, key=lambda each: (each != "tools", each)):
        if name in WITHOUT_EFFECT or asks_for_nothing(name, extras[name]):
            continue
        if name == "response_format":
            raise UnsupportedParameter(_FORMATS, param=name)
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
