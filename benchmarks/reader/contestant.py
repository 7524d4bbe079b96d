"""Contestants: the engines as a user calls them, each alone in a process of its own.

Run as `python -m benchmarks.reader.contestant NAME`: a path per line comes in, a JSON answer goes out.
"""

import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias

import msgspec

from readstone.core.model import Profile

Read: TypeAlias = Callable[[str], str]


class Answer(msgspec.Struct, frozen=True):
    """What one reading gave and took: text, CPU and wall seconds, the process's peak RSS so far in MiB."""

    text: str
    cpu: float
    wall: float
    peak: float


def reader(profile: Profile = "balanced") -> Read:
    """Readstone's pipeline in one thread, as one of its worker's threads runs it."""
    import cv2  # noqa: PLC0415 - each contestant's process loads its own engine only
    import numpy as np  # noqa: PLC0415
    from PIL import Image  # noqa: PLC0415

    from readstone.engines.reader.buffers import keep_buffers  # noqa: PLC0415
    from readstone.engines.reader.page_reader import PageReader  # noqa: PLC0415
    from readstone.engines.reader.weights import find_weights  # noqa: PLC0415

    cv2.setNumThreads(1)
    keep_buffers()
    pages = PageReader(find_weights(), profile)

    def read(path: str) -> str:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB"), np.uint8)
        rows: dict[int, list[str]] = {}
        for crop in pages.prepare(pixels).crops:
            line = pages.recognise(crop)
            if line is not None:
                rows.setdefault(line.row, []).append(line.text)
        return "\n".join(" ".join(texts) for texts in rows.values())

    return read


def rapidocr(**options: object) -> Read:
    """RapidOCR with its defaults, `RapidOCR()(path)`, but for `options`."""
    from rapidocr import RapidOCR  # noqa: PLC0415
    from rapidocr.utils.output import RapidOCROutput  # noqa: PLC0415

    engine = RapidOCR(params=options or None)

    def read(path: str) -> str:
        output = engine(path)
        if not isinstance(output, RapidOCROutput) or output.txts is None:
            return ""
        return "\n".join(output.txts)

    return read


def tesseract() -> Read:
    """Tesseract with its defaults: `tesseract FILE stdout -l eng`."""

    def read(path: str) -> str:
        command = ["tesseract", path, "stdout", "-l", "eng"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    return read


TUNED: Final[dict[str, object]] = {
    "Det.limit_type": "max",
    "Det.limit_side_len": 1280,
    "EngineConfig.onnxruntime.intra_op_num_threads": 1,
    "EngineConfig.onnxruntime.enable_cpu_mem_arena": True,
    "Global.use_cls": False,
    "Rec.rec_batch_num": 1,
}
"""RapidOCR by its own options at the least CPU: one thread, no padding to the longest of a batch, pages looked at
in 1280 pixels at most, no look at which way up a line is."""

CONTESTANTS: Final[dict[str, Callable[[], Read]]] = {
    "reader": reader,
    "reader-fast": partial(reader, "fast"),
    "reader-best": partial(reader, "best"),
    "rapidocr": rapidocr,
    "rapidocr-tuned": partial(rapidocr, **TUNED),
    "tesseract": tesseract,
}


def why_absent(name: str) -> str | None:
    """Why a contestant cannot take part on this machine; None when it can."""
    if name == "tesseract" and shutil.which("tesseract") is None:
        return "tesseract is not on the PATH (Debian: apt install tesseract-ocr)"
    return None


def measured(read: Read, path: str) -> Answer:
    """Read one page and note what it took, child processes included."""
    cpu, wall = _cpu_seconds(), time.perf_counter()
    text = read(path)
    return Answer(text, _cpu_seconds() - cpu, time.perf_counter() - wall, _peak_mebibytes())


def _cpu_seconds() -> float:
    spent = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in spent)


def _peak_mebibytes() -> float:
    # The kernel counts in KiB. A child's peak is its own: whichever process was larger did the work.
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(who).ru_maxrss for who in whose) / 1024


def main() -> None:
    """Answer for every path on standard input until it closes."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    # Engines print what they like: only answers may reach the parent's pipe.
    os.dup2(2, 1)
    read = CONTESTANTS[sys.argv[1]]()
    for line in sys.stdin:
        answers.write(msgspec.json.encode(measured(read, line.rstrip("\n"))) + b"\n")


if __name__ == "__main__":
    main()
