# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "litellm>=1.106,!=1.82.7,!=1.82.8",
#   "mcp>=1.20", # litellm imports it for every request with tools, and does not depend on it
# ]
# ///
"""LiteLLM as a client of a started server."""

import os

# The table of prices is otherwise fetched from the network when the package is imported.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm
from case import (
    BROKEN,
    MISSING,
    MODEL,
    NO_IMAGE,
    NO_KEY,
    NO_MODEL,
    NO_TOOLS,
    QUESTION,
    TOTAL,
    Case,
    must,
    must_be_the_receipt,
    must_refuse,
    run,
)
from pydantic import BaseModel

litellm.suppress_debug_info = True


class Receipt(BaseModel):
    total: float


TOOL = {"type": "function", "function": {"name": "total", "parameters": {"type": "object"}}}


def read(case: Case, image: str, **properties: object) -> litellm.ModelResponse:
    url = {"type": "image_url", "image_url": {"url": image}}
    message = {"role": "user", "content": [{"type": "text", "text": QUESTION}, url]}
    properties = {"model": f"openai/{MODEL}", "api_key": case.key, **properties}
    return litellm.completion(
        messages=[message], api_base=case.base_url, max_retries=0, **properties
    )


def whole_answer(case: Case) -> None:
    answer = read(case, case.image)
    must_be_the_receipt(answer.choices[0].message.content)
    must(answer.usage.completion_tokens > 0, "usage")
    must(answer.choices[0].finish_reason == "stop", "finish_reason")


def stream(case: Case) -> None:
    chunks = list(read(case, case.image, stream=True, stream_options={"include_usage": True}))
    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    must(sum(map(bool, pieces)) > 5, "pieces")
    must_be_the_receipt("".join(pieces))
    must(any(getattr(chunk, "usage", None) for chunk in chunks), "usage")


def unknown_model(case: Case) -> None:
    model = f"openai/{MISSING}"
    must_refuse(litellm.NotFoundError, NO_MODEL, lambda: read(case, case.image, model=model))


def broken_image(case: Case) -> None:
    must_refuse(litellm.BadRequestError, NO_IMAGE, lambda: read(case, BROKEN))
    must_refuse(litellm.BadRequestError, NO_IMAGE, lambda: list(read(case, BROKEN, stream=True)))


def wrong_key(case: Case) -> None:
    must_refuse(
        litellm.AuthenticationError, NO_KEY, lambda: read(case, case.image, api_key="wrong")
    )


def a_schema_is_filled(case: Case) -> None:
    answer = read(case, case.image, response_format=Receipt)
    found = Receipt.model_validate_json(answer.choices[0].message.content)
    must(found.total == TOTAL, f"not the total: {found}")


def tools_are_refused(case: Case) -> None:
    must_refuse(litellm.BadRequestError, NO_TOOLS, lambda: read(case, case.image, tools=[TOOL]))


if __name__ == "__main__":
    run(
        whole_answer,
        stream,
        unknown_model,
        broken_image,
        wrong_key,
        a_schema_is_filled,
        tools_are_refused,
    )
