"""The documents agree with the code."""

import re
import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from readstone import __version__
from readstone.api.errors import STATUS, body, problem
from readstone.api.openai.schema import ChatCompletionRequest
from readstone.config import Config, Setting, settings
from readstone.config.building import Builder
from readstone.core import errors
from readstone.core.model import KIND_DEFAULTS
from readstone.core.scope import SCOPES, WHOLES
from readstone.engines.neutral import NEUTRAL
from readstone.engines.reader.parameters import WITHOUT_EFFECT

ROOT = Path(__file__).parent.parent
API = (ROOT / "docs/api.md").read_text(encoding="utf-8")
CONFIGURATION = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")


def _toml(value: object) -> str:
    """A default as the tables of engines show it: as the file would have it, nothing where there is none."""
    match value:
        case None | {}:
            return " "
        case bool() | int() | float():
            return f" `{str(value).lower()}` "
        case str():
            return f' `"{value}"` '
        case tuple():
            texts = ", ".join(f'"{text}"' for text in cast("tuple[str, ...]", value))
            return f" `[{texts}]` "
        case _:
            raise AssertionError(value)


@pytest.mark.parametrize(
    "setting", list(settings()), ids=lambda setting: f"{setting.name} {setting.type}".strip()
)
def test_every_setting_is_documented_as_the_code_has_it(setting: Setting) -> None:
    page = CONFIGURATION
    if setting.type:
        page = page.partition(f'\n### `type = "{setting.type}"`\n')[2].partition("\n## ")[0]
        page = page.partition("\n### ")[0]
        row = re.escape(f"| `{setting.name}` |{_toml(setting.default)}| {setting.sentence} |")
    elif setting.variable is None:
        row = rf"\| `{re.escape(setting.name)}` \| [^|]*\| {re.escape(setting.sentence)} \|"
    else:
        row = re.escape(
            f"| `{setting.name}` | `{setting.variable}` | `{setting.default}` | {setting.sentence} |"
        )

    assert re.search(row, page)


def test_no_setting_is_documented_that_is_not_there() -> None:
    documented = re.findall(r"^\| `([a-z0-9_.<>]+)` \|", CONFIGURATION, re.MULTILINE)

    assert set(documented) == {setting.name for setting in settings()}


def test_every_property_of_a_request_is_documented() -> None:
    documented = set(re.findall(r"`(\w+)`", API.split("### Properties")[1].split("###")[0]))

    assert {field.name for field in msgspec.structs.fields(ChatCompletionRequest)} <= documented
    assert {*NEUTRAL, *WITHOUT_EFFECT} <= documented


@pytest.mark.parametrize(("kind", "defaults"), KIND_DEFAULTS.items())
def test_the_defaults_of_every_kind_are_documented(kind: str, defaults: Any) -> None:
    row = [
        kind,
        *(
            f"{value:g}" if isinstance(value, float) else str(value).lower()
            for value in asdict(defaults).values()
        ),
    ]

    assert f"| {' | '.join(row)} |" in API


def test_every_scope_is_documented_as_the_code_has_it() -> None:
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    table = page.partition("| scope |")[2].partition("\n\n")[0]
    rows = dict(re.findall(r"^\| `([a-z:]+)` \| (.*) \|$", table, re.MULTILINE))

    assert {*rows} == {*SCOPES, *WHOLES}
    for scope, sentence in SCOPES.items():
        assert rows[scope].replace("`", "") == sentence


def test_every_error_is_documented_with_its_status_and_type() -> None:
    for kind in STATUS:
        if kind is errors.ClientClosed:
            continue
        error = kind("x", "GET") if kind is errors.MethodNotAllowed else kind("x")
        found = problem(error)
        rows = [
            row for row in API.splitlines() if row.startswith(f"| {found.status} | `{found.type}`")
        ]
        code = body(error).error.code
        assert rows, kind
        assert any(f"`{code}`" in row for row in rows), (kind, code)


def test_every_code_of_the_source_is_documented() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    codes = set(re.findall(r"""\bcode=["'](\w+)["']""", source))

    assert {code for code in codes if f"`{code}`" not in API} == set()


def test_every_file_the_architecture_names_is_there() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    names = {path.name for path in (ROOT / "src").rglob("*.*")}

    assert {
        name for name in re.findall(r"\b(\w+\.(?:py|sql))\b", text) if name not in names
    } == set()


def test_every_place_the_glossary_names_is_there() -> None:
    text = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
    places = re.findall(r"\| `([\w/]+(?:\.py)?)/?` \|$", text, re.MULTILINE)

    assert places
    assert {place for place in places if not (ROOT / "src/readstone" / place).exists()} == set()


@pytest.mark.parametrize(
    "page",
    [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.md")],
    ids=lambda page: page.name,
)
def test_every_link_between_documents_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))

    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *ROOT.glob("docs/*.md")], ids=lambda page: page.name
)
def test_every_configuration_that_is_shown_is_one(page: Path) -> None:
    for shown in re.findall(r"```toml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        Builder(page.name, strict=True).section(tomllib.loads(shown), Config)


def test_the_version_is_said_once() -> None:
    assert f'version = "{__version__}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
