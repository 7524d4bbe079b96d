import base64
import re
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readstone.core.errors import InvalidImage, TooLarge
from readstone.media.data_uri import decode_data_uri

LIMIT = 20 * 1024 * 1024
PARAM = "messages[0].content[1].image_url.url"


def decode(uri: str, limit: int = LIMIT) -> bytes:
    return decode_data_uri(uri, limit, PARAM)


# bytes that use '+' and '/' in the standard alphabet and need two padding characters
PAYLOAD = b"\xfb\xef\xbe\xff\xff\xff\x00"
STANDARD = base64.b64encode(PAYLOAD).decode()


@pytest.mark.parametrize(
    "uri",
    [
        f"data:image/png;base64,{STANDARD}",
        f"DATA:image/PNG;BASE64,{STANDARD}",
        f"data:;base64,{STANDARD}",
        f"data:image/jpeg;charset=utf-8;base64,{STANDARD}",
        f"data:image/jpeg;name=a%20b.jpg;base64,{STANDARD}",
        f"data:image/jpeg;base64;charset=utf-8,{STANDARD}",
        f" \n data: image/png ; base64 , {STANDARD} \n",
        f"data:image/png;base64,{STANDARD.rstrip('=')}",
        f"data:image/png;base64,{STANDARD}==",
        f"data:image/png;base64,{base64.urlsafe_b64encode(PAYLOAD).decode()}",
        f"data:image/png;base64,{STANDARD[:3]}\r\n{STANDARD[3:5]} \t{STANDARD[5:]}",
        f"data:image/png;base64,{quote(STANDARD, safe='')}",
        f"data:image/png;base64,{STANDARD[:4]}%20{STANDARD[4:]}%0a",
        f"data:image/png;base64,{STANDARD.replace('+', '%2b').replace('/', '%2f').replace('=', '%3d')}",
    ],
)
def test_every_tolerated_spelling_gives_the_same_bytes(uri: str) -> None:
    assert decode(uri) == PAYLOAD


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "data:",
        "data:,",
        "data:image/png,hello",
        "data:image/png;base64",
        "data:image/png;base644,AAAA",
        "http://example.com/a.png",
        "http://example.com/;base64,AAAA",
        STANDARD,
    ],
)
def test_what_is_not_a_base64_data_uri_is_refused(uri: str) -> None:
    with pytest.raises(InvalidImage, match="must be a base64 data URI") as caught:
        decode(uri)
    assert caught.value.param == PARAM
    assert PARAM in caught.value.message


@pytest.mark.parametrize("payload", ["", "=", "====", " \n ", "%20%3D"])
def test_an_empty_payload_is_refused(payload: str) -> None:
    with pytest.raises(InvalidImage, match="holds no data"):
        decode(f"data:image/png;base64,{payload}")


@pytest.mark.parametrize(
    "payload",
    [
        "A",
        "AAAAA",
        "AA=A",
        "AA==AA==",
        "AAA!",
        "AAA%",
        "AAA%41",
        "AAA\0",
        "AAAé",
        "AAA\udc80",
        "A,AA",
    ],
)
def test_a_payload_that_is_not_base64_is_refused(payload: str) -> None:
    with pytest.raises(InvalidImage, match="not valid base64") as caught:
        decode(f"data:image/png;base64,{payload}")
    assert caught.value.param == PARAM


def test_an_error_never_echoes_the_payload() -> None:
    secret = "SecretPayload!"
    for uri in (f"data:image/png;base64,{secret}", f"data:image/png,{secret}", secret):
        with pytest.raises(InvalidImage) as caught:
            decode(uri)
        assert secret not in caught.value.message


def test_a_payload_of_exactly_the_limit_passes() -> None:
    uri = "data:image/png;base64," + base64.b64encode(bytes(LIMIT)).decode()
    assert len(decode(uri)) == LIMIT


@pytest.mark.parametrize("over", [1, 2, 3, 4])
def test_one_byte_over_the_limit_is_refused_with_both_sizes(over: int) -> None:
    payload = base64.b64encode(bytes(LIMIT + over)).decode()
    for spelling in (payload, payload.rstrip("=")):
        with pytest.raises(TooLarge, match=rf"{LIMIT + over} bytes; at most {LIMIT} ") as caught:
            decode("data:image/png;base64," + spelling)
        assert caught.value.param == PARAM


def test_the_size_is_refused_before_the_payload_is_decoded() -> None:
    with pytest.raises(TooLarge):
        decode("data:image/png;base64," + "!" * 100, limit=10)


def test_white_space_does_not_count_towards_the_limit() -> None:
    uri = "data:image/png;base64," + "A A\nA A " * 25
    assert decode(uri, limit=75) == bytes(75)


@st.composite
def spelled(draw: st.DrawFn) -> tuple[bytes, str]:
    """Some bytes and one of the ways a client may spell them."""
    data = draw(st.binary(min_size=1, max_size=200))
    text = base64.b64encode(data).decode()
    if draw(st.booleans()):
        text = text.translate(str.maketrans("+/", "-_"))
    if draw(st.booleans()):
        text = text.rstrip("=")
    if draw(st.booleans()):
        text = quote(text, safe="")
    gap = draw(st.sampled_from(["", " ", "\r\n", "\t", "%20", "%0A", "%0D%0a"]))
    step = draw(st.integers(4, 80))
    # Not inside an escape: a gap there makes another text.
    pieces = re.findall(r"%..|.", text)
    text = gap.join("".join(pieces[at : at + step]) for at in range(0, len(pieces), step))
    scheme = draw(st.sampled_from(["data", "DATA", "Data"]))
    kind = draw(st.sampled_from(["", "image/png", "image/jpeg;charset=utf-8", "x;a=b;c=d"]))
    return data, f"{scheme}:{kind};base64,{text}"


@given(spelled())
def test_any_bytes_survive_any_tolerated_spelling(case: tuple[bytes, str]) -> None:
    data, uri = case
    assert decode(uri) == data


@given(st.text(max_size=300), st.sampled_from(["", "data:image/png;base64,", "data:"]))
def test_no_text_raises_anything_but_the_two_refusals(text: str, head: str) -> None:
    try:
        decode(head + text, limit=50)
    except (InvalidImage, TooLarge) as refusal:
        if refusal.param != PARAM:
            raise
