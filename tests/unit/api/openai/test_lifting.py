import json
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readstone.api.openai.lifting import lift, referred

LARGE = "QUJD" * 8192
SMALL = "QUJD"


def image(payload: str, name: str = "url") -> dict[str, Any]:
    return {name: f"data:image/png;base64,{payload}"}


def put_back(body: bytes | bytearray, payloads: tuple[bytes, ...]) -> Any:
    """What the body says once the payloads are where they were."""

    def visit(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: visit(value) for key, value in node.items()}  # pyright: ignore[reportUnknownVariableType]
        if isinstance(node, list):
            return [visit(value) for value in node]  # pyright: ignore[reportUnknownVariableType]
        if isinstance(node, str) and payloads and (number := referred(node)) is not None:
            return node[: node.rfind(",") + 1] + payloads[number].decode()
        return node

    return visit(json.loads(body))


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": "), (" , ", " :\n ")])
def test_large_payloads_are_lifted_and_small_ones_stay(separators: tuple[str, str]) -> None:
    request = {"a": [image(LARGE), image(SMALL), image(LARGE + "QUJD", "file_data")], "b": 1}
    content = json.dumps(request, separators=separators).encode()
    lifted = lift(content)
    assert lifted.payloads == (LARGE.encode(), LARGE.encode() + b"QUJD")
    assert len(lifted.body) < 500
    assert lifted.content is content
    assert put_back(lifted.body, lifted.payloads) == request


@pytest.mark.parametrize(
    "text",
    [
        f"<img src='data:image/png;base64,{LARGE}'>",
        json.dumps(image(LARGE)),
        f'"url":"data:image/png;base64,{LARGE}',
    ],
)
def test_what_looks_like_a_payload_inside_another_text_stays(text: str) -> None:
    content = json.dumps({"text": text, "more": [image(SMALL)]}).encode()
    assert lift(content).payloads == ()


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(image(LARGE + "\\n" + LARGE)).encode(),
        b'{"url":"data:image/png;base64,' + LARGE.encode(),
        json.dumps({**image(LARGE), "file_data": "data:image/png;base64,@0"}).encode(),
        json.dumps([image(LARGE), image("QUJD;base64,@0")]).encode(),
        json.dumps([image(LARGE), "a;base64,@0"]).encode(),
        b'{"url":"data:image/png;base64,' + LARGE.encode() + b'", ;base64,@0',
        json.dumps({"uri": image(LARGE)["url"]}).encode(),
        json.dumps(image(SMALL)).encode(),
        b"",
        b";base64," * 4000,
    ],
)
def test_where_there_is_a_doubt_nothing_is_lifted(content: bytes) -> None:
    lifted = lift(content)
    assert (lifted.body, lifted.payloads) == (content, ())


TOKENS = (
    '"url":"data:',
    "data:image/png;base64,",
    ";base64,",
    '"',
    "\\",
    ",",
    "@0",
    LARGE,
    SMALL,
    f"data:a/b;base64,{LARGE}",
)
NUMBERS = st.lists(st.integers(0, len(TOKENS) - 1), max_size=4).map(tuple)


def spelt(node: Any) -> Any:
    """A request whose texts are given by the numbers of their tokens, lest large ones fill the screen."""
    match node:
        case tuple():
            return "".join(TOKENS[number] for number in cast("tuple[int, ...]", node))
        case list():
            return [spelt(each) for each in cast("list[Any]", node)]
        case _:
            return {
                key if isinstance(key, str) else spelt(key): spelt(value)
                for key, value in cast("dict[Any, Any]", node).items()
            }


@given(
    st.recursive(
        NUMBERS,
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from(["url", "file_data", "text"]) | NUMBERS, inner)
        ),
        max_leaves=6,
    ),
    st.booleans(),
)
def test_putting_back_gives_what_was_there(node: object, spaced: bool) -> None:  # noqa: FBT001
    request = spelt(node)
    lifted = lift(json.dumps(request, separators=None if spaced else (",", ":")).encode())
    assert (put_back(lifted.body, lifted.payloads) == request) is True


@pytest.mark.parametrize(
    ("url", "number"),
    [
        ("data:image/png;base64,@0", 0),
        ("data:image/png;base64,@12", 12),
        ("data:image/png;base64,QUJD", None),
        ("https://a/@1", None),
        ("data:image/png;base64,@", None),
        ("", None),
    ],
)
def test_a_reference_is_told_from_a_payload(url: str, number: int | None) -> None:
    assert referred(url) == number
