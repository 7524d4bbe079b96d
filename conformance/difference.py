"""What a suite says of an engine that it asks directly, and what of the same engine behind our server."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten

import msgspec

_PORT = re.compile(r"(127\.0\.0\.1):\d+")


def marks(suite: str) -> tuple[str, str]:
    """What stands before and after a suite's table in docs/compatibility.md."""
    written = "written by ./run conformance -->\n"
    return f"<!-- {suite}: differences {written}", f"<!-- {suite}: end of the differences {written}"


class Result(msgspec.Struct, frozen=True):
    """One test, as suites/llama_cpp.py wrote it; status and message are those of the last answer."""

    test: str
    outcome: str
    why: str = ""
    status: int | None = None
    message: str | None = None

    @property
    def told(self) -> str:
        """Why it did not pass."""
        if self.outcome == "passed":
            return "passes"
        said = f"{self.status}: {self.message}" if self.message else self.why
        line = said.split("\n", maxsplit=1)[0]
        return shorten(_PORT.sub(r"\1", line).replace("|", "\\|"), 160, placeholder=" …")


@dataclass(frozen=True, slots=True)
class Difference:
    """A suite run twice: how many tests came out alike, and those that did not."""

    suite: str
    alike: Counter[str]
    others: tuple[tuple[Result, Result], ...]


def compare(suite: str, direct: Mapping[str, Result], through: Mapping[str, Result]) -> Difference:
    """Both runs of a suite, test by test; ValueError where they are not of the same tests."""
    if direct.keys() != through.keys():
        raise ValueError(f"{suite} ran other tests through us than directly")
    pairs = [(direct[name], through[name]) for name in direct]
    alike = Counter(one.outcome for one, other in pairs if one.outcome == other.outcome)
    others = tuple((one, other) for one, other in pairs if one.outcome != other.outcome)
    return Difference(suite, alike, others)


def read_results(file: Path) -> dict[str, Result]:
    """The results of a file of JSON lines, by test."""
    decoder = msgspec.json.Decoder(Result)
    with file.open("rb") as lines:
        return {result.test: result for result in map(decoder.decode, lines)}


def markdown(differences: Iterable[Difference]) -> str:
    """The tables: how many are alike, then each that is not."""
    return "\n".join(_lines(list(differences))) + "\n"


def _lines(differences: list[Difference]) -> Iterator[str]:
    yield "| suite | pass both ways | fail both ways | not run | only directly | only through us |"
    yield "|---|--:|--:|--:|--:|--:|"
    for each in differences:
        only_direct = sum(direct.outcome == "passed" for direct, _ in each.others)
        counts = (
            *(each.alike[name] for name in ("passed", "failed", "skipped")),
            only_direct,
            len(each.others) - only_direct,
        )
        yield f"| {each.suite} | {' | '.join(str(count or '') for count in counts)} |"
    yield ""
    yield "| test | directly | through us |"
    yield "|---|---|---|"
    for each in differences:
        for direct, through in each.others:
            yield f"| `{_short(direct.test)}` | {direct.told} | {through.told} |"


def _short(test: str) -> str:
    module, _, name = test.partition("::")
    return f"{module.rpartition('/')[2]}::{name}".replace("|", "\\|")[:90]
