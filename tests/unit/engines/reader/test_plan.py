"""Which images of a conversation are read, and how."""

import pytest

from readstone.core.chat import Image, ImagePart, Message, TextPart
from readstone.core.errors import ContextTooLong, InvalidRequest
from readstone.engines.reader.assignment import INSTRUCTION_TOKENS
from readstone.engines.reader.engine import plan
from readstone.engines.reader.tokens import count

INVOICE = Image(b"invoice", "png", 280, 560, "messages[0]")
RECEIPT = Image(b"receipt", "jpeg", 29, 28, "messages[2]")


def _user(*parts: str | Image) -> Message:
    return Message(
        "user",
        tuple(TextPart(part) if isinstance(part, str) else ImagePart(part) for part in parts),
    )


def test_the_images_of_the_last_message_that_has_any_are_read_in_their_order() -> None:
    job = plan((_user(INVOICE), _user("And these?", RECEIPT, "and", INVOICE)))

    assert job.images == (RECEIPT, INVOICE)


def test_a_page_can_be_asked_for_again_in_another_rendering() -> None:
    answer = Message("assistant", (TextPart("INVOICE 2041"),))

    job = plan((_user("Extract all text", INVOICE), answer, _user("Now as markdown")))

    assert job.images == (INVOICE,)
    assert job.rendering == "markdown"


def test_a_system_message_may_say_how_to_render() -> None:
    system = Message("system", (TextPart("Always preserve the layout of the page."),))

    assert plan((system, _user(INVOICE))).rendering == "layout"


def test_what_the_assistant_said_is_not_an_instruction() -> None:
    answer = Message("assistant", (TextPart("Shall I describe it in markdown?"),))

    assert plan((_user(INVOICE), answer, _user("Just extract the text"))).rendering == "plain"


def test_tokens_are_those_of_the_instruction_and_of_the_images_read() -> None:
    job = plan((_user(INVOICE), _user("Extract all text", RECEIPT)))

    assert job.text_tokens == count("Extract all text")
    assert job.image_tokens == 2


def test_without_an_image_the_request_is_told_how_to_send_one() -> None:
    with pytest.raises(InvalidRequest, match="image_url") as caught:
        plan((_user("What do you read?"),))

    assert (caught.value.param, caught.value.code) == ("messages", "no_image")


def test_more_words_than_an_instruction_has_are_refused_and_never_cut() -> None:
    plan((_user("word " * INSTRUCTION_TOKENS, INVOICE),))

    with pytest.raises(ContextTooLong, match=str(INSTRUCTION_TOKENS)) as caught:
        plan((_user("word " * (INSTRUCTION_TOKENS + 1), INVOICE),))

    assert (caught.value.param, caught.value.code) == ("messages", "context_length_exceeded")


def test_words_of_megabytes_are_refused_without_being_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def count(text: str) -> int:
        raise AssertionError(f"{len(text)} characters are looked at")

    monkeypatch.setattr("readstone.engines.reader.assignment.count", count)
    with pytest.raises(ContextTooLong, match="characters long"):
        plan((_user(" " * 10**6, INVOICE),))


def test_images_are_read_in_the_profile_of_the_model() -> None:
    job = plan((_user(INVOICE),), "fast")

    assert [source.profile for source in job.images] == ["fast"]
