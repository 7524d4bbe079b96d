"""What files are told to be by their beginning, before anything is run with them."""

import struct
from pathlib import Path

import pytest

from models.tiny import SEER
from readstone.core.errors import ConfigurationError
from readstone.engines.gguf import check_model, check_projector

MODEL = SEER / "seer.gguf"
PROJECTOR = SEER / "seer-mmproj.gguf"


def test_a_model_and_what_lets_it_see_are_told_apart() -> None:
    check_model(MODEL)
    check_projector(PROJECTOR)
    with pytest.raises(ConfigurationError, match=r"seer-mmproj\.gguf is no model .*--mmproj"):
        check_model(PROJECTOR)
    with pytest.raises(ConfigurationError, match=r"seer\.gguf is a model, and 'mmproj'"):
        check_projector(MODEL)


@pytest.mark.parametrize("content", [b"", b"hello\n", b"GGM"])
def test_what_is_no_gguf_file_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    for check in (check_model, check_projector):
        with pytest.raises(ConfigurationError, match=r"model\.gguf is not a GGUF file"):
            check(path)


def test_a_folder_and_a_file_that_is_gone_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is a folder: name a GGUF file in it"):
        check_model(tmp_path)
    with pytest.raises(ConfigurationError, match="cannot be read: No such file or directory"):
        check_model(tmp_path / "gone.gguf")


@pytest.mark.parametrize(
    "told",
    [
        b"",
        b"general.architecture",
        b"general.architecture" + struct.pack("<IQ", 4, 1),
        b"general.architecture" + struct.pack("<IQ", 8, 1 << 60) + b"clip",
    ],
)
def test_one_that_does_not_tell_is_for_llama_cpp_to_judge(tmp_path: Path, told: bytes) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF" + told)
    check_model(path)
    check_projector(path)
