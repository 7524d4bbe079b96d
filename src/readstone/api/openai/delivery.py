"""How an answer is to be sent: whole or as a stream, and a stream with its usage or without."""

from readstone.api.openai import schema
from readstone.core.errors import InvalidRequest, UnsupportedParameter
from readstone.core.model import Model


def streams(accept: str | None, model: Model, *, asked: bool | None) -> bool:
    """The contract's rule: an SDK that leaves `stream` out accepts JSON only, and gets JSON."""
    if asked is not None:
        return asked
    accepted = (accept or "").lower()
    wants_json = "application/json" in accepted and "text/event-stream" not in accepted
    return model.defaults.stream and not wants_json


def includes_usage(options: schema.StreamOptions | None, *, stream: bool) -> bool:
    """Whether a stream ends with its usage; raises for options that cannot be honoured."""
    if options is None:
        return False
    if not stream:
        raise InvalidRequest(
            "'stream_options' is for streams: set 'stream' to true.",
            param="stream_options",
            code="invalid_value",
        )
    if options.include_obfuscation:
        raise UnsupportedParameter(
            "Chunks are not padded here: leave 'include_obfuscation' out or false.",
            param="stream_options.include_obfuscation",
        )
    if options.continuous_usage_stats:
        raise UnsupportedParameter(
            "Usage is told at the end of a stream: leave 'continuous_usage_stats' out or false.",
            param="stream_options.continuous_usage_stats",
        )
    return options.include_usage is True
