import ctypes
import subprocess
import sys

import pytest

from readstone.serving.allocator import return_free_pages, return_large_buffers

PROGRAM = """
import os
from pathlib import Path
from readstone.serving.allocator import return_free_pages, return_large_buffers

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20

return_large_buffers()
bytes(4_000_000)  # its end would move the threshold
before = resident()
held, kept = [], []
for _ in range(50):
    held.append(b"x" * 4_000_000)
    kept.append(b"x" * 100_000)
full = resident()
del held
print(before, full, resident())
for _ in range(100):
    kept.append(bytearray(2_000_000))
    kept.append(b"x" * 100_000)
full = resident()
del kept[50::2]
return_free_pages()
print(before, full, resident())
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="needs glibc")
def test_what_buffers_took_is_given_back_though_small_ones_stay() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    for line in done.stdout.splitlines():
        before, full, after = map(int, line.split())
        assert full - before > 180
        assert after - before < 30


def test_another_c_library_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def library(name: object) -> object:
        return name

    monkeypatch.setattr(ctypes, "CDLL", library)
    return_large_buffers()
    return_free_pages()
