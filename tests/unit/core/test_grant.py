"""Grants: which models they are for, and what may be given on."""

import pytest

from readstone.core.errors import PermissionDenied
from readstone.core.grant import CLIENT, Grant
from readstone.core.limit import Limits
from readstone.core.model import KIND_DEFAULTS, Model

MODEL = Model("Qwen/Q3", "chat", "gpu", KIND_DEFAULTS["chat"], 1, aliases=("fast/Small",))


@pytest.mark.parametrize(
    ("models", "allowed"),
    [
        ((), True),
        (("Qwen/Q3",), True),
        (("fast/Small",), True),
        (("other",), False),
        (("Qwen/Q3", "other"), True),
        (("Qwen/*",), True),
        (("*/Small",), True),
        (("*",), True),
        (("qwen/*",), False),
        (("Qwen/*4",), False),
        (("Qwen/Q?",), False),
    ],
)
def test_a_grant_is_for_all_models_or_for_those_it_names(
    *, models: tuple[str, ...], allowed: bool
) -> None:
    assert Grant(models=models).may_use(MODEL) == allowed


FULL = Grant(("api", "admin"))
NARROW = Grant(("chat", "admin:keys"), ("Qwen/*", "ocr"), Limits(100, 0), 1000)


@pytest.mark.parametrize(
    ("own", "given"),
    [
        (FULL, FULL),
        (FULL, CLIENT),
        (FULL, NARROW),
        (FULL, Grant(limits=Limits(requests_per_minute=0), expires_at=2**40)),
        (NARROW, NARROW),
        (NARROW, Grant(("chat",), ("Qwen/Q3",), Limits(100), 999)),
        (NARROW, Grant(("chat",), ("Qwen/*",), Limits(1, 7, concurrency=1), 5)),
    ],
)
def test_what_a_grant_has_it_may_give(own: Grant, given: Grant) -> None:
    own.check_covers(given)


@pytest.mark.parametrize(
    ("own", "given", "field"),
    [
        (CLIENT, FULL, "scopes"),
        (CLIENT, Grant(("admin:usage",)), "scopes"),
        (NARROW, Grant(("api",), ("ocr",), Limits(1), 5), "scopes"),
        (NARROW, Grant(("chat",), (), Limits(1), 5), "models"),
        (NARROW, Grant(("chat",), ("other",), Limits(1), 5), "models"),
        (NARROW, Grant(("chat",), ("*",), Limits(1), 5), "models"),
        (NARROW, Grant(("chat",), ("ocr",), Limits(1), None), "expires_at"),
        (NARROW, Grant(("chat",), ("ocr",), Limits(1), 1001), "expires_at"),
        (NARROW, Grant(("chat",), ("ocr",), Limits(), 5), "limits.requests_per_minute"),
        (NARROW, Grant(("chat",), ("ocr",), Limits(0), 5), "limits.requests_per_minute"),
        (NARROW, Grant(("chat",), ("ocr",), Limits(101), 5), "limits.requests_per_minute"),
    ],
)
def test_what_a_grant_has_not_it_cannot_give(own: Grant, given: Grant, field: str) -> None:
    with pytest.raises(PermissionDenied) as caught:
        own.check_covers(given)

    assert caught.value.param == field
