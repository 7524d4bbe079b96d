from ipaddress import ip_address
from urllib.parse import urljoin, urlsplit

import httpcore2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from readstone.core.errors import InvalidImage
from readstone.media.url import RemoteURL, parse_url


@pytest.mark.parametrize(
    ("text", "host", "port", "target"),
    [
        ("http://images.example", "images.example", 80, "/"),
        ("https://images.example/a.png?b=c&d", "images.example", 443, "/a.png?b=c&d"),
        ("HTTPS://Images.EXAMPLE./a", "images.example", 443, "/a"),
        ("https://images.example:8443/", "images.example", 8443, "/"),
        ("http://images.example?q", "images.example", 80, "/?q"),
        ("http://images.example/a#b?c", "images.example", 80, "/a"),
        ("http://images.example#b", "images.example", 80, "/"),
        ("http://my_bucket.s3.example/", "my_bucket.s3.example", 80, "/"),
        ("http://r3---sn-x.images.example/", "r3---sn-x.images.example", 80, "/"),
        ("http://93.184.215.14/", "93.184.215.14", 80, "/"),
        ("http://[2606:2800:220:1:0:0:0:1]/", "2606:2800:220:1::1", 80, "/"),
        ("http://bücher.example/", "xn--bcher-kva.example", 80, "/"),
        ("http://xn--bcher-kva.example/", "xn--bcher-kva.example", 80, "/"),
        ("http://例え.テスト/", "xn--r8jz45g.xn--zckzah", 80, "/"),
        # another alphabet's a is another name, and is shown as what it is
        ("http://im\u0430ges.example/", "xn--imges-5ve.example", 80, "/"),
        ("http://images.example/a@b:c//d", "images.example", 80, "/a@b:c//d"),
        ("http://images.example/ü?ü", "images.example", 80, "/%C3%BC?%C3%BC"),
        ("http://images.example/%2e%zz%C3", "images.example", 80, "/%2e%zz%C3"),
        ('http://images.example/"<a>`{b}', "images.example", 80, "/%22%3Ca%3E%60%7Bb%7D"),
        ("http://images.example/a?b=[c]|d?e/f", "images.example", 80, "/a?b=[c]|d?e/f"),
    ],
)
def test_a_url_has_one_reading(text: str, host: str, port: int, target: str) -> None:
    url = parse_url(text)

    assert (url.host.name, url.port, url.target) == (host, port, target)
    assert parse_url(str(url)) == url


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("file:///etc/passwd", "http:// or https://"),
        ("http://user@images.example/", "user name"),
        ("http://images.example\\a", "backslash"),
        ("http://images.example/a b", "white space"),
        ("http://images.example:0/", "port"),
        ("http://2130706433/", "number"),
        ("http://[::1", "host"),
        ("http:///a", "no host"),
        ("http://a%41.example/", "not a valid name"),
        ("http://ⓐ.example/", "international name"),
        ("http://" + "ü" * 100 + ".example/", "international name"),
        ("http://" + ".".join(["ü" * 48] * 5), "too long"),
        ("http://images.example/" + "a" * 9000, "8192"),
    ],
)
def test_a_refusal_says_why_and_quotes_nothing(text: str, told: str) -> None:
    with pytest.raises(InvalidImage) as caught:
        parse_url(text)

    assert told in caught.value.message
    assert caught.value.code == "unsupported_image_url"
    assert "images" not in caught.value.message


_URLS = st.one_of(
    st.builds(
        "{}://{}{}{}".format,
        st.sampled_from(["http", "https", "HTTP"]),
        st.one_of(
            st.from_regex(r"[A-Za-z0-9_.-]{1,20}", fullmatch=True),
            st.text("aé.1x[]:@%-\\\t 0", max_size=12),
            st.ip_addresses().map(str),
            st.ip_addresses(v=6).map("[{}]".format),
        ),
        st.sampled_from(["", ":80", ":8080", ":", ":a"]),
        st.one_of(st.just(""), st.text("/?#@:\\%a.é", max_size=12).map("/{}".format)),
    ),
    st.text("htps:/@[]?#.a1%\\\n ", max_size=25),
)


@given(_URLS)
def test_other_parsers_read_what_we_made_of_a_url_as_we_do(text: str) -> None:
    try:
        url = parse_url(text)
    except InvalidImage:
        return

    split = urlsplit(str(url))
    assert (split.scheme, split.hostname) == (url.scheme, url.host.name)
    assert split.port in {None, url.port}
    assert (split.username, split.fragment) == (None, "")
    core = httpcore2.URL(str(url))
    assert core.host.decode() == url.host.name
    assert core.origin.port == url.port
    assert core.target.decode().rstrip("?") == url.target.rstrip("?")


@given(_URLS)
def test_a_url_that_was_taken_was_read_alike_by_the_standard_library(text: str) -> None:
    try:
        url = parse_url(text)
    except InvalidImage:
        return

    split = urlsplit(text)
    hostname = (split.hostname or "").removesuffix(".")
    assert split.scheme == url.scheme
    assert (split.port or url.port) == url.port
    if url.host.address is not None:
        assert ip_address(hostname) == url.host.address
    elif hostname.isascii():
        assert hostname == url.host.name


@given(st.text(max_size=40))
def test_the_target_is_visible_ascii(path: str) -> None:
    try:
        url = parse_url(f"http://images.example/{path}")
    except InvalidImage:
        return

    assert url.host.name == "images.example"
    assert url.target.startswith("/")
    assert all("!" <= letter <= "~" for letter in url.target)


HERE = parse_url("https://images.example:444/a/b?c")


@pytest.mark.parametrize(
    ("location", "there"),
    [
        ("http://other.example/x", "http://other.example/x"),
        ("//other.example/x", "https://other.example/x"),
        ("/x?y", "https://images.example:444/x?y"),
        ("x", "https://images.example:444/a/x"),
        ("?y", "https://images.example:444/a/b?y"),
        ("@other.example/", "https://images.example:444/a/@other.example/"),
        ("./x", "https://images.example:444/a/./x"),
        ("/ü", "https://images.example:444/%C3%BC"),
        ("#f", "https://images.example:444/a/b"),
    ],
)
def test_a_redirect_is_read_from_where_it_was_found(location: str, there: str) -> None:
    found = HERE.join(location)

    assert str(found) == there
    assert isinstance(found, RemoteURL)
    assert urlsplit(urljoin(str(HERE), location)).netloc == urlsplit(there).netloc


@pytest.mark.parametrize("location", ["file:///x", "javascript:x", "/\\x", "//", "a b", "///x"])
def test_a_redirect_to_what_is_no_url_is_refused(location: str) -> None:
    with pytest.raises(InvalidImage):
        HERE.join(location)
