# /// script
# requires-python = ">=3.11"
# dependencies = ["llama-index-llms-openai-like>=0.8"]
# ///
"""LlamaIndex's OpenAILike against a started server."""

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
    Case,
    must,
    must_be_the_receipt,
    must_refuse,
    run,
)
from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike


def reader(case: Case, model: str = MODEL, key: str | None = None) -> OpenAILike:
    return OpenAILike(
        model=model,
        api_base=case.base_url,
        api_key=key or case.key,
        is_chat_model=True,
        is_function_calling_model=True,
        max_retries=0,
    )


def ask(image: str) -> list[ChatMessage]:
    return [ChatMessage(role="user", blocks=[TextBlock(text=QUESTION), ImageBlock(url=image)])]


def whole_answer(case: Case) -> None:
    answer = reader(case).chat(ask(case.image))
    must_be_the_receipt(answer.message.content)
    must(answer.raw.usage.completion_tokens > 0, "usage")


def stream(case: Case) -> None:
    pieces = [piece.delta or "" for piece in reader(case).stream_chat(ask(case.image))]
    must(sum(map(bool, pieces)) > 5, "pieces")
    must_be_the_receipt("".join(pieces))


def unknown_model(case: Case) -> None:
    call = reader(case, MISSING).chat
    must_refuse(openai.NotFoundError, NO_MODEL, lambda: call(ask(case.image)))


def broken_image(case: Case) -> None:
    model = reader(case)
    must_refuse(openai.BadRequestError, NO_IMAGE, lambda: model.chat(ask(BROKEN)))
    must_refuse(openai.BadRequestError, NO_IMAGE, lambda: list(model.stream_chat(ask(BROKEN))))


def wrong_key(case: Case) -> None:
    call = reader(case, key="wrong").chat
    must_refuse(openai.AuthenticationError, NO_KEY, lambda: call(ask(case.image)))


def tools_are_refused(case: Case) -> None:
    tool = FunctionTool.from_defaults(lambda total: total, name="total", description="The total.")
    call = reader(case).chat_with_tools
    message = ask(case.image)[0]
    must_refuse(openai.BadRequestError, NO_TOOLS, lambda: call([tool], user_msg=message))


if __name__ == "__main__":
    run(whole_answer, stream, unknown_model, broken_image, wrong_key, tools_are_refused)
