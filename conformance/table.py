"""The table of docs/compatibility.md: what public suites say, one row for each group."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from conformance.outcome import VERDICTS, Outcome, Report, Verdict

BEGIN = "<!-- written by ./run conformance -->\n"
END = "<!-- end of what ./run conformance wrote -->\n"

_NAMED = (
    "chat completions: create",
    "chat completions: stored ones",
    "models: list, retrieve",
    "models: delete",
    "completions",
    "embeddings",
    "files",
    "uploads",
    "batches",
    "responses",
    "moderations",
    "images",
    "audio",
)
"""Groups with a row of their own, in this order; the others share one where nothing of them is served."""


@dataclass(frozen=True, slots=True)
class Row:
    """One group: how many of its tests had which verdict, and why not all passed."""

    suite: str
    group: str
    counts: Counter[Verdict]
    why: str

    def __str__(self) -> str:
        counts = " | ".join(str(self.counts[verdict] or "") for verdict in VERDICTS)
        return f"| {self.suite} | {self.group} | {counts} | {self.why} |"


def sdk_rows(suite: str, outcomes: Iterable[Outcome]) -> list[Row]:
    """The rows of openai-python's suite."""
    groups: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        groups[outcome.group].append(outcome)
    rest = [name for name in groups if name not in _NAMED and not _served(groups[name])]
    own = [name for name in _NAMED if name in groups]
    own += sorted(set(groups) - {*_NAMED, *rest})
    rows = [_row(suite, name, groups[name]) for name in own]
    if rest:
        others = [outcome for name in rest for outcome in groups[name]]
        rows.append(_row(suite, f"{len(rest)} others: {', '.join(sorted(rest))}", others))
    return rows


def schema_row(report: Report) -> Row:
    """The row of schemathesis."""
    cases = report.test_cases
    counts: Counter[Verdict] = Counter(
        {"passed": cases.generated - cases.with_failures, "failed": cases.with_failures}
    )
    why = "; ".join(
        f"{failure.title} ({failure.count}): {', '.join(failure.operations)}"
        for failure in report.failures
    )
    suite = f"schemathesis {report.schemathesis_version}"
    return Row(suite, f"{report.operations['tested']} operations of `/openapi.json`", counts, why)


def markdown(rows: Iterable[Row]) -> str:
    """The table."""
    head = f"| suite | group | {' | '.join(VERDICTS)} | why |"
    rule = f"|---|---|{'--:|' * len(VERDICTS)}---|"
    return "\n".join([head, rule, *map(str, rows)]) + "\n"


def write(page: Path, text: str, begin: str = BEGIN, end: str = END) -> None:
    """Put the text between two marks of the page; ValueError where they are not there."""
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    _, _, after = rest.partition(end)
    if not after and end not in rest:
        raise ValueError(f"{page} lacks the marks between which the table is written")
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")


def _served(outcomes: Iterable[Outcome]) -> bool:
    return any(outcome.verdict in {"refused", "failed"} for outcome in outcomes)


def _row(suite: str, group: str, outcomes: list[Outcome]) -> Row:
    counts: Counter[Verdict] = Counter(outcome.verdict for outcome in outcomes)
    reasons = Counter(
        _reason(outcome) for outcome in outcomes if outcome.verdict in {"refused", "failed"}
    )
    return Row(suite, group, counts, "; ".join(f"{why} ({n})" for why, n in reasons.most_common()))


def _reason(outcome: Outcome) -> str:
    message = (outcome.message or "no message").replace("|", "\\|").replace("\n", " ")
    return f"{outcome.status}: {message}" if outcome.status else message
