"""The folder that the processes of one server share while it runs; what a server left that was killed is removed."""

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

_PREFIX: Final = "readstone-server-"


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that is locked as long as its server lives; the lock ends with the process, however that ends."""

    path: Path
    lock: int

    @classmethod
    def make(cls) -> Self:
        """A new folder in the system's for temporary files; those there that nobody has locked any more are removed."""
        _remove_leftovers(Path(tempfile.gettempdir()))
        while True:
            path = Path(tempfile.mkdtemp(prefix=_PREFIX))
            # One that starts at the same moment may have taken it for left over.
            with suppress(FileNotFoundError):
                lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
                fcntl.flock(lock, fcntl.LOCK_EX)
                if path.exists():
                    return cls(path, lock)
                os.close(lock)

    def remove(self) -> None:
        """Remove it and all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self.lock)


def _remove_leftovers(place: Path) -> None:
    for path in place.glob(f"{_PREFIX}*"):
        # Another user's, or gone by now.
        with suppress(OSError):
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if os.fstat(lock).st_uid == os.geteuid():
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(lock)
