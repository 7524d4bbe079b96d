"""The contest: every engine reads every page, in turn, so that a noisy minute hits all of them."""

import subprocess
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from types import TracebackType
from typing import Self

import msgspec

from benchmarks.reader.contestant import Answer
from benchmarks.reader.samples import Sample
from benchmarks.reader.score import Score, score


class Reading(msgspec.Struct, frozen=True):
    """One engine's result on one page: counts, CPU and wall seconds, peak RSS so far in MiB."""

    engine: str
    page: str
    score: Score
    cpu: float
    wall: float
    peak: float


class Contestant:
    """An engine in its own process, so that CPU time and memory are its own."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.reader.contestant", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate()

    def read(self, sample: Sample) -> Answer:
        """The engine's answer for one page; raises RuntimeError when its process has died."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{sample.image}\n".encode())
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(
                f"{self.name} died on page {sample.id}: see why with "
                f"'python -m benchmarks.reader.contestant {self.name}'."
            )
        return msgspec.json.decode(line, type=Answer)


def hold(engines: Iterable[str], samples: list[Sample], title: str) -> list[Reading]:
    """Let each engine read each page once; the first page is also read before, unmeasured, to warm up."""
    readings: list[Reading] = []
    with ExitStack() as stack:
        contestants = [stack.enter_context(Contestant(name)) for name in engines]
        for contestant in contestants:
            contestant.read(samples[0])
        for number, sample in enumerate(samples):
            _show(f"{title} {number + 1}/{len(samples)} {sample.id}")
            # Whoever reads first finds the file's pages cold: the first place goes round.
            first = number % len(contestants)
            for contestant in contestants[first:] + contestants[:first]:
                answer = contestant.read(sample)
                readings.append(
                    Reading(
                        engine=contestant.name,
                        page=sample.id,
                        score=score(sample.truth, answer.text),
                        cpu=answer.cpu,
                        wall=answer.wall,
                        peak=answer.peak,
                    )
                )
    _show("")
    return readings


def _show(text: str) -> None:
    sys.stderr.write(f"\r\x1b[K{text}")
    sys.stderr.flush()
