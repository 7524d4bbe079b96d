"""How far a run is: a bar on a terminal, nothing elsewhere, and lines that do not tear it."""

import sys
from types import TracebackType
from typing import Any, Self, cast

import tqdm

_BAR = cast("Any", tqdm.tqdm)


class Progress:
    """A bar on stderr over `total` papers, of which `done` were done before; used as a context manager."""

    def __init__(self, total: int, done: int) -> None:
        self._total = total
        self._done = done

    def __enter__(self) -> Self:
        # disable=None: shown on a terminal only.
        self._bar: Any = _BAR(
            total=self._total, initial=self._done, unit="file", disable=None, dynamic_ncols=True
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.close()

    def step(self, name: str) -> None:
        """One more paper is done."""
        self._bar.set_postfix_str(name[-40:], refresh=False)
        self._bar.update()

    def complain(self, text: str) -> None:
        """Write what went wrong to stderr."""
        _BAR.write(f"readstone: {text}", file=sys.stderr)
