"""The worker keeps the memory of its buffers for the next ones."""

import ctypes
import subprocess
import sys

import pytest

from readstone.engines.reader.buffers import keep_buffers

PROGRAM = """
import resource
from readstone.engines.reader.buffers import keep_buffers

def faults():
    for _ in range(20):
        b"x" * 24_000_000
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

keep_buffers()
faults()
before = faults()
print(faults() - before)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="needs glibc")
def test_a_buffer_of_the_widest_line_is_not_cleared_again_by_the_kernel() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 1_000


def test_another_c_library_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def library(name: object) -> object:
        return name

    monkeypatch.setattr(ctypes, "CDLL", library)
    keep_buffers()
