# /// script
# requires-python = ">=3.11"
# dependencies = ["pydantic-ai-slim[openai]>=2.68"]
# ///
"""pydantic-ai against a started server."""

import asyncio

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
from pydantic_ai import Agent, BinaryContent, ImageUrl, NativeOutput
from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider


class Receipt(BaseModel):
    total: float


def agent(
    case: Case, model: str = MODEL, key: str | None = None, output: object = str
) -> Agent[None, object]:
    provider = OpenAIProvider(base_url=case.base_url, api_key=key or case.key)
    return Agent(OpenAIChatModel(model, provider=provider), output_type=output)


def ask(image: str) -> list[object]:
    return [QUESTION, BinaryContent.from_data_uri(image)]


def whole_answer(case: Case) -> None:
    answer = agent(case).run_sync(ask(case.image))
    must_be_the_receipt(answer.output)
    must(answer.usage.output_tokens > 0, "usage")


def stream(case: Case) -> None:
    async def pieces() -> list[str]:
        async with agent(case).run_stream(ask(case.image)) as answer:
            return [piece async for piece in answer.stream_text(delta=True, debounce_by=None)]

    found = asyncio.run(pieces())
    must(len(found) > 5, "pieces")
    must_be_the_receipt("".join(found))


def unknown_model(case: Case) -> None:
    call = agent(case, MISSING).run_sync
    error = must_refuse(ModelHTTPError, NO_MODEL, lambda: call(ask(case.image)))
    must(error.status_code == 404, "status")


def broken_image(case: Case) -> None:
    call = agent(case).run_sync
    error = must_refuse(ModelHTTPError, NO_IMAGE, lambda: call([ImageUrl(BROKEN)]))
    must(error.status_code == 400, "status")


def wrong_key(case: Case) -> None:
    call = agent(case, key="wrong").run_sync
    error = must_refuse(ModelHTTPError, NO_KEY, lambda: call(ask(case.image)))
    must(error.status_code == 401, "status")


def a_schema_is_filled(case: Case) -> None:
    found = agent(case, output=NativeOutput(Receipt)).run_sync(ask(case.image)).output
    must(found == Receipt(total=TOTAL), f"not the total: {found}")


def tools_are_refused(case: Case) -> None:
    call = agent(case, output=Receipt).run_sync
    error = must_refuse(ModelHTTPError, NO_TOOLS, lambda: call(ask(case.image)))
    must(error.status_code == 400, "status")


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
