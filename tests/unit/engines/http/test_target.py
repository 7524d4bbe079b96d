import pytest

from readstone.core.errors import ConfigurationError
from readstone.engines.http.target import Target, parse_target


@pytest.mark.parametrize(
    ("text", "target", "authority"),
    [
        (
            "http://127.0.0.1:8000/v1",
            Target("http", "127.0.0.1", 8000, "", "/v1"),
            "127.0.0.1:8000",
        ),
        ("http://Engine_1/", Target("http", "engine_1", 80, "", ""), "engine_1"),
        (
            "https://LLM.example./api/v1/",
            Target("https", "llm.example", 443, "", "/api/v1"),
            "llm.example",
        ),
        ("https://[::1]:8443", Target("https", "::1", 8443, "", ""), "[::1]:8443"),
        ("http://[0:0::1]", Target("http", "::1", 80, "", ""), "[::1]"),
        ("unix:/run/vllm.sock", Target("unix", "", 0, "/run/vllm.sock", ""), "localhost"),
        ("unix:/run/a b.sock:/v1/", Target("unix", "", 0, "/run/a b.sock", "/v1"), "localhost"),
    ],
)
def test_a_base_url_says_where_to_connect_and_what_to_call_the_host(
    text: str, target: Target, authority: str
) -> None:
    assert parse_target(text) == target
    assert target.authority == authority
    assert parse_target(str(target)) == target


def test_paths_are_under_the_base() -> None:
    assert parse_target("http://a:1/v1/").path("/models") == "/v1/models"
    assert parse_target("http://a:1").path("/v1/models") == "/v1/models"


def test_only_https_is_secure() -> None:
    secure = [
        parse_target(text).is_secure for text in ("http://a", "https://a", "unix:/a", "unix:/a:/b")
    ]
    assert secure == [False, True, False, False]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "http:// or https://"),
        ("127.0.0.1:8000", "it lacks its scheme: http://127.0.0.1:8000."),
        ("localhost:11434/v1", "it lacks its scheme: http://localhost:11434/v1."),
        ("[::1]:11434", "it lacks its scheme: http://[::1]:11434."),
        ("localhost", "http:// or https://"),
        ("ftp://a/", "http:// or https://"),
        ("http://", "no host"),
        ("http://a:0/", "host or port"),
        ("http://a:65536/", "host or port"),
        ("http://a b/", "white space"),
        ("http://0x7f.1/", "number"),
        ("http://a/v1?key=b", "a '?' or a '#'"),
        ("http://a/v1#b", "a '?' or a '#'"),
        ("http://a/v1\r\nx: y", "control"),
        ("unix:run/a.sock", "absolute path"),
        ("unix:///run/a.sock", "absolute path"),
        ("unix:", "absolute path"),
        ("unix:/run/a.sock:v1", "absolute path"),
        ("unix:/run/a.sock:/v1?b", "a '?' or a '#'"),
        ("unix:/run/a.sock:/v 1", "no path may hold"),
        ("unix:/run/a\0.sock", "visible"),
        ("unix:/" + "a" * 107, "107 bytes"),
    ],
)
def test_what_is_no_base_url_is_refused_with_what_is_wrong_and_an_example(
    text: str, reason: str
) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        parse_target(text)

    assert reason in str(refusal.value)
    assert "http://127.0.0.1:8000/v1" in str(refusal.value)


@pytest.mark.parametrize("text", ["http://user:secret@a/", "https://secret@a/", "http:secret@a"])
def test_a_url_with_credentials_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        parse_target(text)

    assert "secret" not in str(refusal.value)
    assert "setting of its own" in str(refusal.value)
