"""What ./run conformance makes of the suites' results, and the locks of scripts with environments of their own."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from conformance import difference
from conformance.difference import Result, compare
from conformance.outcome import Cases, Failure, Outcome, Report
from conformance.table import BEGIN, END, markdown, schema_row, sdk_rows, write

ROOT = Path(__file__).parent.parent.parent
CREATE = "tests/api_resources/chat/test_completions.py::TestCompletions::test_method_create"
FILES = "tests/api_resources/test_files.py::TestFiles::test_method_list"
VIDEOS = "tests/api_resources/test_videos.py::TestVideos::test_method_list"
SCRIPTS = [
    path.with_suffix("")
    for folder in ("tests/clients", "conformance/suites")
    for path in (ROOT / folder).glob("*.py.lock")
]


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        (Outcome(CREATE, "passed"), "passed"),
        (Outcome(CREATE, "failed", 400, "invalid_value", "n", "x"), "refused"),
        (Outcome(CREATE, "failed", 400, "invalid_json", None, "x"), "failed"),
        (Outcome(CREATE, "failed", 404, "not_found"), "not served"),
        (Outcome(CREATE, "failed", 405, "method_not_allowed"), "not served"),
        (Outcome(CREATE, "failed", 404, "model_not_found", "model"), "failed"),
        (Outcome(CREATE, "failed", 500, "internal_error"), "failed"),
        (Outcome(CREATE, "failed", message="AssertionError: id"), "failed"),
    ],
)
def test_a_verdict_follows_the_answer(outcome: Outcome, verdict: str) -> None:
    assert outcome.verdict == verdict


@pytest.mark.parametrize(
    ("test", "group"),
    [
        (CREATE, "chat completions: create"),
        (CREATE.replace("create", "list"), "chat completions: stored ones"),
        (
            "tests/api_resources/chat/completions/test_messages.py::T::t",
            "chat completions: stored ones",
        ),
        ("tests/api_resources/test_models.py::T::test_method_list", "models: list, retrieve"),
        ("tests/api_resources/test_models.py::T::test_method_delete", "models: delete"),
        (FILES, "files"),
        ("tests/api_resources/vector_stores/test_files.py::T::t", "vector stores"),
    ],
)
def test_a_test_belongs_to_the_group_of_its_resource(test: str, group: str) -> None:
    assert Outcome(test, "passed").group == group


def test_a_row_counts_verdicts_and_quotes_why_not_all_passed() -> None:
    refused = Outcome(CREATE, "failed", 400, "invalid_value", "n", "'n' is a | b")
    rows = sdk_rows("sdk", [Outcome(CREATE, "passed"), refused, refused])
    assert markdown(rows).splitlines()[2:] == [
        r"| sdk | chat completions: create | 1 | 2 |  |  | 400: 'n' is a \| b (2) |"
    ]


def test_what_is_not_served_shares_a_row_unless_it_is_known_by_name() -> None:
    missing = [Outcome(test, "failed", 404, "not_found") for test in (VIDEOS, FILES)]
    assert [row.group for row in sdk_rows("sdk", missing)] == ["files", "1 others: videos"]
    served = [Outcome(VIDEOS, "failed", 500, "internal_error")]
    assert [row.group for row in sdk_rows("sdk", served)] == ["videos"]


def test_the_row_of_schemathesis_tells_what_it_found() -> None:
    failure = Failure("Server error", 2, ["GET /v1/models"])
    row = schema_row(Report("4.0", True, Cases(10, 2), [failure], {"tested": 5}))  # noqa: FBT003
    assert (row.counts["passed"], row.counts["failed"]) == (8, 2)
    assert row.why == "Server error (2): GET /v1/models"


def test_the_table_is_written_between_its_marks_and_nowhere_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}old\n{END}after\n", encoding="utf-8")
    write(page, "new\n")
    assert page.read_text(encoding="utf-8") == f"before\n{BEGIN}\nnew\n\n{END}after\n"


def test_a_page_without_marks_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n", encoding="utf-8")
    with pytest.raises(ValueError, match="marks"):
        write(page, "new\n")
    assert page.read_text(encoding="utf-8") == "before\n"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_script_is_locked_with_what_it_asks_for(script: Path) -> None:
    block = script.read_text(encoding="utf-8").split("# ///")[1].partition("\n")[2]
    asked = tomllib.loads(re.sub(r"^# ?", "", block, flags=re.MULTILINE))["dependencies"]
    locked = tomllib.loads(Path(f"{script}.lock").read_text(encoding="utf-8"))
    requirements = [_requirement(each) for each in locked["manifest"]["requirements"]]
    assert sorted(map(_sorted, asked)) == sorted(map(_sorted, requirements))


def test_the_suite_of_the_sdk_is_that_of_the_sdk_that_is_locked() -> None:
    ours, theirs = (
        {package["name"]: package["version"] for package in tomllib.loads(text)["package"]}
        for text in (
            (ROOT / "uv.lock").read_text(encoding="utf-8"),
            (ROOT / "conformance/suites/openai_python.py.lock").read_text(encoding="utf-8"),
        )
    )
    assert ours["openai"] == theirs["openai"]
    page = (ROOT / "docs/compatibility.md").read_text(encoding="utf-8")
    assert f"| `openai` | {ours['openai']} | [test_sdk.py]" in page
    assert f"| openai-python {ours['openai']} |" in page


def _requirement(locked: dict[str, Any]) -> str:
    extras = f"[{','.join(locked['extras'])}]" if "extras" in locked else ""
    return f"{locked['name']}{extras}{locked.get('specifier', '')}"


def _sorted(requirement: str) -> tuple[str, list[str]]:
    """A requirement with its bounds in one order."""
    (found,) = re.findall(r"^([\w\-\[\],]+)(.*)$", requirement.replace(" ", ""))
    return found[0], sorted(found[1].split(","))


def test_a_suite_run_twice_tells_what_is_not_alike(tmp_path: Path) -> None:
    direct = {
        "unit/a.py::one": Result("unit/a.py::one", "passed"),
        "unit/a.py::two": Result("unit/a.py::two", "passed"),
        "unit/a.py::three": Result("unit/a.py::three", "skipped"),
        "unit/a.py::four": Result("unit/a.py::four", "failed", "AssertionError: a | b\nand more"),
    }
    refused = Result("unit/a.py::two", "failed", "AssertionError", 404, "There is no route.")
    through = {**direct, "unit/a.py::two": refused}
    through["unit/a.py::four"] = Result("unit/a.py::four", "passed")
    direct["unit/a.py::five[a/b]"] = Result("unit/a.py::five[a/b]", "passed")
    at = "HTTPError: 404 for http://127.0.0.1:7/x"
    through["unit/a.py::five[a/b]"] = Result("unit/a.py::five[a/b]", "failed", at)
    text = difference.markdown([compare("a suite", direct, through)])
    assert "| a suite | 1 |  | 1 | 2 | 1 |" in text
    assert "| `a.py::five[a/b]` | passes | HTTPError: 404 for http://127.0.0.1/x |" in text
    assert "| `a.py::two` | passes | 404: There is no route. |" in text
    assert "| `a.py::four` | AssertionError: a \\| b | passes |" in text
    with pytest.raises(ValueError, match="other tests"):
        compare("a suite", direct, {})
    page = tmp_path / "page.md"
    page.write_text(f"before\n{''.join(difference.marks('a suite'))}after\n", encoding="utf-8")
    write(page, text, *difference.marks("a suite"))
    assert text in page.read_text(encoding="utf-8")


def test_results_are_read_by_test(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    file.write_text('{"test": "one", "outcome": "passed", "code": 7}\n', encoding="utf-8")
    assert difference.read_results(file) == {"one": Result("one", "passed")}
