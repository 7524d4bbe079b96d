"""The weights are found offline, and refused when they are not the ones the reader was measured with."""

import shutil
import sys
from pathlib import Path

import pytest

from readstone.core.errors import ConfigurationError
from readstone.engines.reader import weights as subject
from readstone.engines.reader.weights import (
    DETECTOR,
    RECOGNISER,
    TINY_ALPHABET,
    TINY_DETECTOR,
    Weights,
    find_weights,
)


def test_the_weights_come_from_the_installed_wheel(weights: Weights) -> None:
    assert weights.detector.name == DETECTOR
    assert weights.recogniser.name == RECOGNISER
    assert weights.detector.is_file()
    assert weights.recogniser.is_file()


def test_the_tiny_weights_come_with_this_package(weights: Weights) -> None:
    assert weights.tiny_detector.name == TINY_DETECTOR
    assert weights.tiny_detector.is_file()
    assert weights.tiny_recogniser.is_file()


def test_the_tiny_alphabet_has_a_character_a_line(weights: Weights) -> None:
    characters = weights.tiny_alphabet.read_bytes().decode().split("\r\n")
    assert weights.tiny_alphabet.name == TINY_ALPHABET
    assert characters.pop() == ""
    assert len(characters) == 6904
    assert all(len(character) == 1 for character in characters)


def test_finding_the_weights_imports_nothing_from_the_wheel() -> None:
    find_weights()
    assert not [name for name in sys.modules if name.split(".")[0] == subject.PACKAGE]


def test_the_fingerprint_is_short_and_the_same_every_time(weights: Weights) -> None:
    assert find_weights().fingerprint == weights.fingerprint
    assert len(weights.fingerprint) == 16
    assert int(weights.fingerprint, 16) > 0


def test_an_empty_folder_is_refused_by_the_name_of_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"{DETECTOR} is missing"):
        find_weights(tmp_path)


def test_a_changed_file_is_refused_with_both_digests(weights: Weights, tmp_path: Path) -> None:
    shutil.copy(weights.detector, tmp_path / DETECTOR)
    (tmp_path / RECOGNISER).write_bytes(b"not a model")
    with pytest.raises(ConfigurationError, match=f"{RECOGNISER} has SHA-256 .* expected 6f3272"):
        find_weights(tmp_path)


def test_a_missing_wheel_is_refused_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(subject, "PACKAGE", "no_such_package_is_installed")
    with pytest.raises(ConfigurationError, match=r"\./run setup"):
        find_weights()
