# /// script
# requires-python = ">=3.11"
# dependencies = ["langchain-openai>=1.7"]
# ///
"""LangChain's ChatOpenAI against a started server."""

import openai
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
from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI
from pydantic import BaseModel


class Receipt(BaseModel):
    total: float


def reader(case: Case, model: str = MODEL, key: str | None = None) -> ChatOpenAI:
    return ChatOpenAI(model=model, base_url=case.base_url, api_key=key or case.key)


def ask(image: str) -> list[HumanMessage]:
    url = {"type": "image_url", "image_url": {"url": image}}
    return [HumanMessage([{"type": "text", "text": QUESTION}, url])]


def whole_answer(case: Case) -> None:
    answer = reader(case).invoke(ask(case.image))
    must_be_the_receipt(answer.text)
    must(answer.usage_metadata["output_tokens"] > 0, "usage")
    must(answer.response_metadata["finish_reason"] == "stop", "finish_reason")


def image_block(case: Case) -> None:
    base64 = case.image.split(",", 1)[1]
    block = {"type": "image", "base64": base64, "mime_type": "image/jpeg"}
    must_be_the_receipt(reader(case).invoke([HumanMessage([block])]).text)


def stream(case: Case) -> None:
    chunks = list(reader(case).stream(ask(case.image)))
    must(sum(bool(chunk.text) for chunk in chunks) > 5, "pieces")
    must_be_the_receipt("".join(chunk.text for chunk in chunks))
    must(any(chunk.usage_metadata for chunk in chunks), "usage")


def batch(case: Case) -> None:
    for answer in reader(case).batch([ask(case.image), ask(case.image)]):
        must_be_the_receipt(answer.text)


def unknown_model(case: Case) -> None:
    call = reader(case, MISSING).invoke
    must_refuse(openai.NotFoundError, NO_MODEL, lambda: call(ask(case.image)))


def broken_image(case: Case) -> None:
    model = reader(case)
    must_refuse(openai.BadRequestError, NO_IMAGE, lambda: model.invoke(ask(BROKEN)))
    must_refuse(openai.BadRequestError, NO_IMAGE, lambda: list(model.stream(ask(BROKEN))))


def wrong_key(case: Case) -> None:
    call = reader(case, key="wrong").invoke
    must_refuse(openai.AuthenticationError, NO_KEY, lambda: call(ask(case.image)))


def a_schema_is_filled(case: Case) -> None:
    found = reader(case).with_structured_output(Receipt).invoke(ask(case.image))
    must(found.total == TOTAL, f"not the total: {found}")


def tools_are_refused(case: Case) -> None:
    call = reader(case).bind_tools([Receipt]).invoke
    must_refuse(openai.BadRequestError, NO_TOOLS, lambda: call(ask(case.image)))


if __name__ == "__main__":
    run(
        whole_answer,
        image_block,
        stream,
        batch,
        unknown_model,
        broken_image,
        wrong_key,
        a_schema_is_filled,
        tools_are_refused,
    )
