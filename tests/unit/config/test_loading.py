"""The configuration: sources, their order, and what is refused."""

from pathlib import Path

import pytest

from readstone.config import Config, FetchConfig, ModelConfig, load_config, settings
from readstone.core.errors import ConfigurationError


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for setting in settings():
        if setting.variable:
            monkeypatch.delenv(setting.variable, raising=False)
    monkeypatch.delenv("READSTONE_CONFIG", raising=False)
    return tmp_path


def _write(folder: Path, text: str, name: str = "readstone.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_nothing_needs_to_be_configured() -> None:
    assert load_config(None, {}).port == Config().port


def test_each_source_wins_over_the_one_before(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(empty_folder, 'port = 1001\nhost = "file"\n[reader]\nthreads = 3\nqueue = 5\n')
    monkeypatch.setenv("READSTONE_PORT", "1002")
    monkeypatch.setenv("READSTONE_READER_THREADS", "7")

    config = load_config(None, {"port": "1003"})

    assert (config.host, config.port) == ("file", 1003)
    assert (config.reader.threads, config.reader.queue) == (7, 5)


def test_a_named_file_wins_over_the_one_in_this_folder(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(empty_folder, "port = 1001")
    other = _write(empty_folder, "port = 1002", "other.toml")

    assert load_config(other, {}).port == 1002

    monkeypatch.setenv("READSTONE_CONFIG", str(other))
    assert load_config(None, {}).port == 1002


def test_one_line_gives_a_model_aliases(empty_folder: Path) -> None:
    _write(empty_folder, 'models.readstone-ocr.aliases = ["Hunyuan/Hunyuan-OCR-1B"]')

    models = load_config(None, {}).models

    assert models == {"readstone-ocr": ModelConfig(aliases=("Hunyuan/Hunyuan-OCR-1B",))}


@pytest.mark.parametrize(
    ("value", "hosts"),
    [
        ("pictures.internal", ("pictures.internal",)),
        (" a.internal, b.internal ,", ("a.internal", "b.internal")),
        ("", ()),
    ],
)
def test_a_variable_parts_several_texts_by_commas(
    monkeypatch: pytest.MonkeyPatch, value: str, hosts: tuple[str, ...]
) -> None:
    monkeypatch.setenv("READSTONE_FETCH_ALLOWED_HOSTS", value)
    monkeypatch.setenv("READSTONE_FETCH_ENABLED", "false")
    monkeypatch.setenv("READSTONE_FETCH_PROXY", "http://proxy.corp:3128")

    fetch = load_config(None, {}).fetch

    assert fetch == FetchConfig(enabled=False, allowed_hosts=hosts, proxy="http://proxy.corp:3128")


def test_a_variable_with_several_texts_replaces_those_of_the_file(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(empty_folder, '[fetch]\nallowed_networks = ["10.1.0.0/16", "10.2.0.0/16"]')
    assert load_config(None, {}).fetch.allowed_networks == ("10.1.0.0/16", "10.2.0.0/16")

    monkeypatch.setenv("READSTONE_FETCH_ALLOWED_NETWORKS", "10.3.0.0/16")
    assert load_config(None, {}).fetch.allowed_networks == ("10.3.0.0/16",)


def test_the_home_of_the_user_is_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/reader")

    assert load_config(None, {"data_dir": "~/x"}).data_dir == Path("/home/reader/x")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("prot = 1", "'prot'; did you mean 'port'?"),
        ("[reader]\nthread = 1", "'reader.thread'; did you mean 'threads'?"),
        ("[modles]", "did you mean 'models'?"),  # codespell:ignore modles
        ('[models."a/b"]\nalias = ["x"]', "'models.a/b.alias'; did you mean 'aliases'?"),
        ("[models.a.defaults]\nmax_token = 1", "did you mean 'max_tokens'?"),
        ("xyzzy = 1", "known are: host, port"),
        ('port = "8000"', "'port'"),
        ("port = 65536", "at most 65535"),
        ("[limits]\nimage_bytes = 1", "'limits.image_bytes'"),
        ('[fetch]\nallowed_hosts = "a.internal"', "'fetch.allowed_hosts'"),
        ("[fetch]\ntotal_seconds = 0", "'fetch.total_seconds'"),
        ('log_format = "xml"', "'log_format'"),
        ('[models.a]\nkind = "video"', "'video'"),
        ("port = ", "not valid TOML"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(empty_folder: Path, text: str, told: str) -> None:
    _write(empty_folder, text)

    with pytest.raises(ConfigurationError) as caught:
        load_config(None, {})

    assert told in str(caught.value)
    assert str(caught.value).startswith("readstone.toml")


def test_an_unknown_variable_is_named_with_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READSTONE_PROT", "1")

    with pytest.raises(ConfigurationError, match="did you mean 'READSTONE_PORT'"):
        load_config(None, {})


def test_a_wrong_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READSTONE_READER_THREADS", "many")

    with pytest.raises(ConfigurationError, match=r"'reader\.threads'"):
        load_config(None, {})


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.toml cannot be read"):
        load_config(Path("nowhere.toml"), {})


def test_every_setting_has_a_sentence() -> None:
    for setting in settings():
        assert setting.sentence.endswith("."), setting.name
