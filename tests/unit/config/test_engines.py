"""Sections of engines: their types, what each needs, and what holds between them."""

from pathlib import Path

import pytest

from readstone.config import HTTPConfig, PoolConfig, load_config, read_key
from readstone.core.errors import ConfigurationError

TWO = '[engines.a]\ntype = "http"\nurl = "http://a/v1"\n[engines.b]\ntype = "http"\nurl = "http://b/v1"\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "settings.toml"


def test_a_section_is_of_the_type_it_says(file: Path) -> None:
    file.write_text(
        f'{TWO}[engines.both]\ntype = "pool"\nengines = ["a", "b"]\nattempts = 2\n',
        encoding="utf-8",
    )

    assert load_config(file, {}).engines == {
        "a": HTTPConfig(url="http://a/v1"),
        "b": HTTPConfig(url="http://b/v1"),
        "both": PoolConfig(engines=("a", "b"), attempts=2),
    }


def test_a_model_of_vllm_tells_the_context_it_is_run_with(file: Path) -> None:
    text = '[engines.v]\ntype = "vllm"\nmodel = "a/b"\ncontext = 4096\n'
    models = '[models.one]\nengine = "v"\n[models.two]\nengine = "v"\ncontext_length = 99\n'
    file.write_text(text + models, encoding="utf-8")

    found = load_config(file, {}).models

    assert {name: entry.context_length for name, entry in found.items()} == {"one": 4096, "two": 99}


def test_flags_add_to_the_engines_of_the_file(file: Path) -> None:
    file.write_text(TWO, encoding="utf-8")
    flags = {"engines": {"upstream": {"type": "http", "url": "http://c/v1", "discover": True}}}

    engines = load_config(file, flags).engines

    assert list(engines) == ["a", "b", "upstream"]
    assert engines["upstream"] == HTTPConfig(url="http://c/v1", discover=True)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[engines.x]", "engines.x.type is missing; it is one of: http, "),
        ('[engines]\nx = "http"', "engines.x.type is missing"),
        ('engines = "x"', "'engines'"),
        ('[engines.x]\ntype = "htp"', "'htp', which is no type of engine. Did you mean 'http'?"),
        ("[engines.x]\ntype = 4", "The types are: http, "),
        ('[engines.x]\ntype = "http"', "engines.x needs either 'url' or 'urls'"),
        ('[engines.x]\ntype = "http"\nurl = "a"\nurls = ["b"]', "either 'url' or 'urls'"),
        ('[engines.x]\ntype = "http"\nuri = "a"', "'engines.x.uri'; did you mean 'url'?"),
        ('[engines.x]\ntype = "http"\nurl = "a"\nqueue = -1', "'engines.x.queue'"),
        ('[engines.x]\ntype = "http"\nurl = "a"\nheaders = {a = 1}', "'engines.x.headers'"),
        (
            '[engines.x]\ntype = "http"\nurl = "a"\nheaders = {AUTHORIZATION = "Bearer x"}',
            "takes no header 'Authorization'",
        ),
        (
            '[engines.x]\ntype = "http"\nurl = "a"\napi_key_env = "A"\napi_key_file = "b"',
            "not both",
        ),
        ('[engines.x]\ntype = "http"\nurl = "a"\nformats = []', "'engines.x.formats'"),
        ('[engines.x]\ntype = "http"\nurl = "a"\nformats = ["gif"]', "'gif'"),
        (
            '[engines.x]\ntype = "http"\nurls = ["http://a", "http://b", "http://a"]',
            "engines.x names one server twice in 'urls'",
        ),
        (
            '[engines.x]\ntype = "http"\nurl = "http://a"\nca_file = "a.pem"',
            "engines.x takes a 'ca_file' for https only",
        ),
        (
            '[engines.a]\ntype = "http"\nurl = "http://a"\ndiscover = true\n[engines.p]\ntype = "pool"\nengines = ["a"]',
            "engines.a.discover is set, and 'a' answers through its pool 'p' only",
        ),
        ('[engines.x]\ntype = "pool"', "engines.x.engines is missing"),
        ('[engines.x]\ntype = "pool"\nengines = []', "'engines.x.engines'"),
        ('[engines.reader]\ntype = "http"\nurl = "a"', "the section [reader]"),
        ('[engines."a/b"]\ntype = "http"\nurl = "a"', "'a/b' is no name for an engine"),
        (
            f'{TWO}[engines.p]\ntype = "pool"\nengines = ["a", "c"]',
            "'c', which is not an engine of yours",
        ),
        (
            f'{TWO}[engines.p]\ntype = "pool"\nengines = ["a"]\n[engines.q]\ntype = "pool"\nengines = ["a"]',
            "'a', which is a member of 'p' already",
        ),
        (
            f'{TWO}[engines.p]\ntype = "pool"\nengines = ["a", "a"]',
            "a member of 'p' already",
        ),
        (
            f'{TWO}[engines.p]\ntype = "pool"\nengines = ["a"]\n[engines.q]\ntype = "pool"\nengines = ["p"]',
            "'p', which is a pool itself",
        ),
        (
            f'{TWO}[engines.p]\ntype = "pool"\nengines = ["a"]\n[models.m]\nkind = "chat"\nengine = "a"',
            "answers through its pool only: set it to 'p'",
        ),
    ],
)
def test_what_is_wrong_with_an_engine_is_named(file: Path, text: str, told: str) -> None:
    file.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigurationError) as caught:
        load_config(file, {})

    assert told in str(caught.value)


def test_a_key_in_clear_is_refused_and_not_repeated(file: Path) -> None:
    file.write_text(
        '[engines.x]\ntype = "http"\nurl = "a"\napi_key = "sk-very-secret"', encoding="utf-8"
    )

    with pytest.raises(ConfigurationError, match=r"api_key_env.*api_key_file") as caught:
        load_config(file, {})

    assert "sk-very-secret" not in str(caught.value)


def test_the_variable_of_a_key_may_be_named_like_ours(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("READSTONE_GPU_KEY", "secret")
    file.write_text(
        '[engines.x]\ntype = "http"\nurl = "a"\napi_key_env = "READSTONE_GPU_KEY"', encoding="utf-8"
    )

    assert isinstance(load_config(file, {}).engines["x"], HTTPConfig)


def test_a_key_is_read_from_its_variable_or_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPU_KEY", " of the variable\n")
    (tmp_path / "key").write_text("of the file\n", encoding="utf-8")

    assert read_key(None, None) is None
    assert read_key("GPU_KEY", None) == "of the variable"
    assert read_key(None, tmp_path / "key") == "of the file"


def test_a_key_that_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GPU_KEY", raising=False)
    (tmp_path / "empty").write_text("\n", encoding="utf-8")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")

    for variable, name, told in [
        ("GPU_KEY", None, "GPU_KEY .* is not set"),
        (None, "nowhere", "cannot be read: No such file"),
        (None, "empty", "is empty"),
        (None, "binary", "cannot be read: not text"),
    ]:
        with pytest.raises(ConfigurationError, match=told):
            read_key(variable, tmp_path / name if name else None)
