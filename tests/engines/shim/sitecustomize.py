"""Stands in for what torchvision's wheel for CUDA lacks beside a torch for CPUs: its operators, and decoding of images.

It is put on the PYTHONPATH of engines under test. Beside a torchvision for CPUs it does nothing.
"""

import importlib
import importlib.abc
import importlib.machinery
import io
import sys
from collections.abc import Sequence
from importlib.metadata import version
from types import ModuleType
from typing import Any

_OPERATORS = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


class _Torchvision(importlib.abc.MetaPathFinder):
    """Prepares torch when torchvision is imported, and torchvision when its part for images is."""

    def __init__(self) -> None:
        self._kept: list[Any] = []

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        del target
        if fullname not in {"torchvision", "torchvision.io.image"}:
            return None
        found = importlib.machinery.PathFinder.find_spec(fullname, path)
        if found is None or found.loader is None or not _is_mismatched():
            return None
        if fullname == "torchvision.io.image":
            _add_pillow(found.loader)
        elif not self._kept:  # it is looked for before it is imported, too
            self._kept.append(_declare_operators())
        return found


def _is_mismatched() -> bool:
    return _torch().version.cuda is None and "+cpu" not in version("torchvision")


def _declare_operators() -> Any:
    library: Any = _torch_part("library").Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        library.define(name + _OPERATORS)
    return library


def _add_pillow(loader: Any) -> None:
    load = loader.exec_module

    def load_and_patch(module: Any) -> None:
        load(module)
        module.decode_image = _decode

    loader.exec_module = load_and_patch


def _decode(data: Any, *_: object, **__: object) -> Any:
    """An image's pixels as torchvision gives them: channels, rows, columns."""
    image = importlib.import_module("PIL.Image")
    pixels = image.open(io.BytesIO(data.numpy().tobytes())).convert("RGB")
    rows = importlib.import_module("numpy").array(pixels)
    return _torch().from_numpy(rows).permute(2, 0, 1)


def _torch_part(name: str) -> Any:
    # By its name: behind a dot, it reads like the name of a hidden folder.
    return getattr(_torch(), name)


def _torch() -> Any:
    """It takes seconds to import, and every Python that is started reads this file."""
    return importlib.import_module("torch")


sys.meta_path.insert(0, _Torchvision())
