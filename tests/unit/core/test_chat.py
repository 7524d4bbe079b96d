"""The event stream and its fold."""

from collections.abc import AsyncGenerator

import pytest

from readstone.core.chat import ChatEvent, Finish, Image, TextDelta, fold
from readstone.core.errors import EngineFailed
from readstone.core.usage import Usage


async def _stream(*events: ChatEvent) -> AsyncGenerator[ChatEvent]:
    for event in events:
        yield event


async def test_the_fold_of_a_stream_is_its_text_and_finish() -> None:
    finish = Finish("stop", Usage(3, 2))

    answer = await fold(_stream(TextDelta("a", 1), TextDelta("\nb", 1), finish))

    assert answer.text == "a\nb"
    assert answer.finish is finish


async def test_a_stream_without_a_finish_is_an_engines_failure() -> None:
    with pytest.raises(EngineFailed):
        await fold(_stream(TextDelta("a", 1)))


def test_an_image_does_not_show_its_bytes() -> None:
    assert "secret" not in repr(Image(b"secret", "png", 8, 8, "messages[0]"))


def test_total_tokens_are_prompt_and_completion() -> None:
    assert Usage(prompt_tokens=5, completion_tokens=7, image_tokens=4).total_tokens == 12
