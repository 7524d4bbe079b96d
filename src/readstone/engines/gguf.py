"""The beginning of a GGUF file: whether it is one, and whether it is a model or what lets one see."""

import struct
from pathlib import Path
from typing import Final

from readstone.core.errors import ConfigurationError

MAGIC: Final = b"GGUF"

_BEGINNING: Final = 64 * 1024
_ARCHITECTURE: Final = b"general.architecture"
_TEXT: Final = 8
_HEAD: Final = struct.Struct("<IQ")
"""Before a value that is text: its type, and how many bytes it has."""
_LONGEST: Final = 64
_PROJECTOR: Final = "clip"
"""The architecture of every file that makes images what a model takes in."""


def check_model(path: Path) -> None:
    """ConfigurationError, with what to do, where a file here cannot be a language model."""
    if _architecture(path) == _PROJECTOR:
        raise ConfigurationError(
            f"{path} is no model but lets one see images: it goes to 'mmproj' (--mmproj), beside its model."
        )


def check_projector(path: Path) -> None:
    """ConfigurationError, with what to do, where a file here cannot be what lets a model see."""
    if _architecture(path) not in {_PROJECTOR, ""}:
        raise ConfigurationError(
            f"{path} is a model, and 'mmproj' (--mmproj) is the file that lets one see images: it is published "
            "beside its model, most often with 'mmproj' in its name."
        )


def _architecture(path: Path) -> str:
    """What the file says it is, empty where it does not within its beginning."""
    if path.is_dir():
        raise ConfigurationError(f"{path} is a folder: name a GGUF file in it.")
    try:
        with path.open("rb") as file:
            beginning = file.read(_BEGINNING)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from error
    if not beginning.startswith(MAGIC):
        raise ConfigurationError(
            f"{path} is not a GGUF file: llama.cpp runs no other. Most models are published as GGUF too."
        )
    place = beginning.find(_ARCHITECTURE)
    head = beginning[place + len(_ARCHITECTURE) :]
    if place < 0 or len(head) < _HEAD.size:
        return ""
    kind, length = _HEAD.unpack_from(head)
    if kind != _TEXT or length > _LONGEST:
        return ""
    return head[_HEAD.size : _HEAD.size + length].decode(errors="replace")
