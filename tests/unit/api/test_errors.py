from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from readstone.api.errors import STATUS, body, problem
from readstone.core import errors
from readstone.core.errors import (
    AuthenticationFailed,
    EngineCrashed,
    EngineFailed,
    InvalidRequest,
    MethodNotAllowed,
    Overloaded,
    RequestError,
)


def tree(root: type[RequestError]) -> Iterator[type[RequestError]]:
    for kind in root.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield kind
            yield from tree(kind)


def make(kind: type[RequestError]) -> RequestError:
    return MethodNotAllowed("no", "GET") if kind is MethodNotAllowed else kind()


CLASSES = sorted(tree(RequestError), key=lambda kind: kind.__name__)


def test_the_table_holds_every_class_of_the_tree_and_nothing_else() -> None:
    assert set(STATUS) == set(CLASSES)


@pytest.mark.parametrize("kind", CLASSES)
def test_every_class_is_drawn_in_the_docstring_of_the_tree(kind: type[RequestError]) -> None:
    assert kind.__name__ in (errors.__doc__ or "")


@pytest.mark.parametrize("kind", CLASSES)
def test_a_body_always_has_its_four_members(kind: type[RequestError]) -> None:
    content = msgspec.to_builtins(body(make(kind)))
    assert list(content) == ["error"]
    assert list(content["error"]) == ["message", "type", "param", "code"]
    assert content["error"]["message"]
    assert content["error"]["type"] == STATUS[kind][1]


@pytest.mark.parametrize("kind", [each for each in CLASSES if each is not InvalidRequest])
def test_every_class_but_the_general_one_has_a_code(kind: type[RequestError]) -> None:
    assert make(kind).code


def test_a_code_and_a_param_of_an_error_win_over_those_of_its_class() -> None:
    detail = body(errors.InvalidImage("Broken.", param="file", code="cut_short")).error
    assert (detail.message, detail.param, detail.code) == ("Broken.", "file", "cut_short")


@pytest.mark.parametrize("kind", [each for each in CLASSES if STATUS[each][0] == 400])
def test_what_the_client_sent_wrong_is_never_answered_with_a_status_that_is_retried(
    kind: type[RequestError],
) -> None:
    assert problem(make(kind)).headers == {}
    assert STATUS[kind][0] not in {408, 409, 429}


def test_a_refused_key_names_the_scheme() -> None:
    assert problem(AuthenticationFailed()).headers == {"www-authenticate": "Bearer"}


def test_a_refused_method_names_the_allowed_ones() -> None:
    assert problem(MethodNotAllowed("no", "GET, HEAD")).headers == {"allow": "GET, HEAD"}


@pytest.mark.parametrize(
    ("error", "seconds", "milliseconds"),
    [
        (Overloaded(retry_after=2.0), "2", "2000"),
        (Overloaded(retry_after=0.25), "1", "250"),
        (EngineFailed(), "1", "1000"),
        (EngineCrashed(), "1", "1000"),
    ],
)
def test_what_passes_says_when_to_come_back(
    error: RequestError, seconds: str, milliseconds: str
) -> None:
    assert problem(error).headers == {"retry-after": seconds, "retry-after-ms": milliseconds}


def test_of_an_exception_that_is_not_ours_only_that_it_happened_is_told() -> None:
    error = ValueError("the secret of /etc/shadow")
    found = problem(error)
    assert (found.status, found.type, found.headers) == (500, "server_error", {})
    detail = body(error).error
    assert "secret" not in detail.message
    assert (detail.type, detail.param, detail.code) == ("server_error", None, "internal_error")


@given(st.text(st.characters()), st.none() | st.text(st.characters()))
def test_a_body_can_be_encoded_whatever_it_quotes(message: str, param: str | None) -> None:
    content = msgspec.json.encode(body(InvalidRequest(message or "x", param=param)))
    detail = msgspec.json.decode(content)["error"]
    assert len(detail["message"]) == len(message or "x")
    assert (detail["param"] is None) == (param is None)


def test_a_lone_surrogate_becomes_a_question_mark() -> None:
    detail = body(InvalidRequest("no '\ud800'", param="a\udfffb")).error
    assert (detail.message, detail.param) == ("no '?'", "a?b")
