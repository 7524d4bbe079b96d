"""The targets of fuzz/: their seeds pass, and so does what a bounded, repeatable search makes of them."""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

import pytest
from fuzz.refusal import refused
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz import answer, data_uri, image, json_body, multipart, pdf
from readstone.core.errors import InvalidImage

TOKENS = st.sampled_from(
    [
        *(b"obj", b"endobj", b"stream", b"endstream", b"xref", b"<<", b">>", b"[", b"]", b"R"),
        *(b"/Kids", b"/Count -1", b"/Parent 3 0 R", b"/MediaBox [0 0 1e9 1e9]", b"/Rotate 45"),
        *(b"/Length 99999999", b"/Width 65535", b"/Filter /ASCIIHexDecode", b"(", b"%%EOF"),
    ]
)
"""Words of PDF that say something wrong where they do not belong."""
FRAMING = st.binary(max_size=3) | st.sampled_from(
    [b"\r\n", b"\r\n\r\n", b"0\r\n\r\n", b"Content-Length: 3\r\n", b"HTTP/1.1 100 \r\n\r\n", b"\n"]
)
"""What tells where an answer of HTTP begins and ends, and what does not."""
ODD: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, -1, 1e308, 2**63, 2**64, "", "\x00", "\U0001f642", "data:", "http://["]),
    st.text(max_size=12),
    st.lists(st.none() | st.text(max_size=3), max_size=2),
    st.dictionaries(st.sampled_from(["type", "text", "url", "role"]), st.text(max_size=5)),
)
"""Values of every JSON type, some at the edge of theirs."""


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value but its root."""
    inner = cast(
        "Iterable[tuple[Any, Any]]", value.items() if isinstance(value, dict) else enumerate(value)
    )
    for name, held in inner:
        yield (*path, name)
        if isinstance(held, dict | list):
            yield from places(held, (*path, name))


@st.composite
def changed_requests(draw: st.DrawFn) -> bytes:
    """A valid request in which one to three members are replaced, removed, doubled or moved."""
    request = json.loads(draw(st.sampled_from(json_body.seeds()[:3])))
    for _ in range(draw(st.integers(1, 3))):
        *path, name = draw(st.sampled_from(list(places(request))))
        holder = request
        for step in path:
            holder = holder[step]
        match draw(st.sampled_from(["replace", "remove", "wrap", "move"])):
            case "remove":
                del holder[name]
            case "wrap":
                holder[name] = draw(st.sampled_from([[holder[name]], {"type": holder[name]}]))
            case "move":
                request["unknown" if name == "model" else str(name)] = holder[name]
            case _:
                holder[name] = draw(ODD)
        if not any(True for _ in places(request)):
            break
    return json.dumps(request).encode("utf-8", "surrogatepass")


@pytest.mark.parametrize(
    ("seeds", "attempt"),
    [
        (target.seeds, target.attempt)
        for target in (answer, data_uri, json_body, image, multipart, pdf)
    ],
    ids=["answer", "data_uri", "json_body", "image", "multipart", "pdf"],
)
def test_every_seed_is_an_answer_or_a_refusal(
    seeds: Callable[[], list[bytes]], attempt: Callable[[bytes], None]
) -> None:
    for seed in seeds():
        attempt(seed)


@settings(max_examples=1200)
@given(changed_requests())
def test_no_change_to_a_request_leads_to_a_500_or_another_error_body(content: bytes) -> None:
    json_body.attempt(content)


@settings(max_examples=2500)
@given(
    st.sampled_from(json_body.seeds()),
    st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=4), st.integers(0, 4)), max_size=4),
)
def test_no_damage_to_a_body_leads_to_a_500(
    seed: bytes, wounds: list[tuple[float, bytes, int]]
) -> None:
    json_body.attempt(_wounded(seed, wounds))


@settings(max_examples=800)
@given(
    st.sampled_from(pdf.seeds()),
    st.lists(st.tuples(st.floats(0, 1), TOKENS, st.integers(0, 8)), min_size=1, max_size=4),
)
def test_no_words_of_pdf_in_the_wrong_place_raise_anything_but_a_refusal(
    seed: bytes, wounds: list[tuple[float, bytes, int]]
) -> None:
    pdf.attempt(_wounded(seed, wounds))


@settings(max_examples=800)
@given(
    st.sampled_from(answer.seeds()),
    st.lists(st.tuples(st.floats(0, 1), FRAMING, st.integers(0, 4)), max_size=4),
)
def test_no_damage_to_an_engines_answer_raises_anything_but_a_failure_of_ours(
    seed: bytes, wounds: list[tuple[float, bytes, int]]
) -> None:
    answer.attempt(_wounded(seed, wounds))


def test_a_refusal_that_names_no_field_is_a_finding() -> None:
    with pytest.raises(InvalidImage), refused("image"):
        raise InvalidImage("nameless")


def _wounded(seed: bytes, wounds: list[tuple[float, bytes, int]]) -> bytes:
    """The seed with bytes put in place of as many as each wound says."""
    data = bytearray(seed)
    for place, wound, length in wounds:
        start = int(place * len(data))
        data[start : start + length] = wound
    return bytes(data)
