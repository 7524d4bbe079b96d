# /// script
# requires-python = ">=3.11"
# dependencies = ["instructor>=1.17"]
# ///
"""instructor against a started server: its JSON modes are filled, its mode of tools is refused clearly."""

import instructor
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
from instructor.core import InstructorRetryException
from pydantic import BaseModel


class Receipt(BaseModel):
    total: float


def extract(
    case: Case, image: str, mode: instructor.Mode, model: str = MODEL, key: str | None = None
) -> Receipt:
    sdk = openai.OpenAI(base_url=case.base_url, api_key=key or case.key, max_retries=0)
    url = {"type": "image_url", "image_url": {"url": image}}
    message = {"role": "user", "content": [{"type": "text", "text": QUESTION}, url]}
    return instructor.from_openai(sdk, mode=mode).chat.completions.create(
        model=model, messages=[message], response_model=Receipt, max_retries=1
    )


def whole_answer(case: Case) -> None:
    sdk = openai.OpenAI(base_url=case.base_url, api_key=case.key)
    url = {"type": "image_url", "image_url": {"url": case.image}}
    answer = instructor.from_openai(sdk).chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": [url]}], response_model=None
    )
    must_be_the_receipt(answer.choices[0].message.content)


def a_schema_is_filled(case: Case) -> None:
    for mode in (instructor.Mode.JSON_SCHEMA, instructor.Mode.JSON):
        found = extract(case, case.image, mode)
        must(found.total == TOTAL, f"not the total: {found}")


def tools_are_refused(case: Case) -> None:
    must_refuse(
        InstructorRetryException,
        NO_TOOLS,
        lambda: extract(case, case.image, instructor.Mode.TOOLS),
    )


def unknown_model(case: Case) -> None:
    must_refuse(
        InstructorRetryException,
        NO_MODEL,
        lambda: extract(case, case.image, instructor.Mode.TOOLS, model=MISSING),
    )


def broken_image(case: Case) -> None:
    must_refuse(
        InstructorRetryException,
        NO_IMAGE,
        lambda: extract(case, BROKEN, instructor.Mode.TOOLS),
    )


def wrong_key(case: Case) -> None:
    must_refuse(
        InstructorRetryException,
        NO_KEY,
        lambda: extract(case, case.image, instructor.Mode.TOOLS, key="wrong"),
    )


if __name__ == "__main__":
    run(
        whole_answer,
        unknown_model,
        broken_image,
        wrong_key,
        a_schema_is_filled,
        tools_are_refused,
    )
