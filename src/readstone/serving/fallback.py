"""Fallback: when another model may stand in for one whose engine cannot take a request, and how it is asked."""

from dataclasses import replace

from readstone.core.chat import ChatRequest
from readstone.core.errors import EngineCrashed, EngineUnavailable, Overloaded, RequestError
from readstone.core.model import Model


def allows_fallback(error: RequestError) -> bool:
    """Whether another model may be asked after this error of the one that was asked, which came before any event."""
    return isinstance(error, EngineUnavailable | EngineCrashed | Overloaded)


def stand_in(request: ChatRequest, model: Model) -> ChatRequest | None:
    """The request for another model, with its defaults; None where it does not take what the request carries.

    What else it cannot honour its engine refuses.
    """
    if not _takes(model, request):
        return None
    defaults, left = model.defaults, request.defaulted
    return replace(
        request,
        model=model,
        max_tokens=defaults.max_tokens if "max_tokens" in left else request.max_tokens,
        temperature=defaults.temperature if "temperature" in left else request.temperature,
        top_p=defaults.top_p if "top_p" in left else request.top_p,
    )


def _takes(model: Model, request: ChatRequest) -> bool:
    attached = len(request.attachments)
    return not attached or (model.kind != "chat" and attached <= model.max_images)
