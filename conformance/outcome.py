"""What came of one test of a suite, and what that says about us."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

Verdict: TypeAlias = Literal["passed", "refused", "not served", "failed"]
"""Refused: a 400 that names the property we cannot honour. Not served: there is no such route, or not for that method."""

VERDICTS: tuple[Verdict, ...] = ("passed", "refused", "not served", "failed")

_STORED = "chat completions: stored ones"
_GROUPS = (
    (r"chat/test_completions\.py.*_create", "chat completions: create"),
    (r"chat/", _STORED),
    (r"test_models\.py.*_delete", "models: delete"),
    (r"test_models\.py", "models: list, retrieve"),
)


class Outcome(msgspec.Struct, frozen=True):
    """One test of openai-python's suite, as suites/openai_python.py wrote it; status, code and param are the answer's."""

    test: str
    outcome: str
    status: int | None = None
    code: str | None = None
    param: str | None = None
    message: str | None = None

    @property
    def verdict(self) -> Verdict:
        """What it says about us."""
        if self.outcome != "failed":
            return "passed"
        if self.code in {"not_found", "method_not_allowed"}:
            return "not served"
        return "refused" if self.status == 400 and self.param else "failed"

    @property
    def group(self) -> str:
        """The resource it is about."""
        path = self.test.removeprefix("tests/api_resources/")
        for pattern, group in _GROUPS:
            if re.match(pattern, path):
                return group
        resource = path.split("/")[0].split("::")[0]
        return resource.removeprefix("test_").removesuffix(".py").replace("_", " ")


class Failure(msgspec.Struct, frozen=True):
    """Something schemathesis found wrong, and how often."""

    title: str
    count: int
    operations: list[str]


class Cases(msgspec.Struct, frozen=True):
    """How many requests schemathesis sent."""

    generated: int
    with_failures: int


class Report(msgspec.Struct, frozen=True):
    """The part of schemathesis' JSON report that we read."""

    schemathesis_version: str
    complete: bool
    test_cases: Cases
    failures: list[Failure]
    operations: dict[str, object]


def read_outcomes(file: Path) -> Iterator[Outcome]:
    """The outcomes of a file of JSON lines."""
    decoder = msgspec.json.Decoder(Outcome)
    with file.open("rb") as lines:
        yield from map(decoder.decode, lines)


def read_report(file: Path) -> Report:
    """Schemathesis' report."""
    return msgspec.json.decode(file.read_bytes(), type=Report)
