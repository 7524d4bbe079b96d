"""How long a supervised child may take, and how often it may fail."""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a child may take, in seconds, and how often it may fail.

    `silence` is the longest time without any answer of a healthy one before it is taken for dead; it is asked `probe`
    seconds apart. It is started again after `first_delay`, then twice that and so on to `longest_delay`; after `restarts`
    failures in a row it is given up. One that was well for `steady` seconds starts that count anew.
    """

    start: float = 600.0
    stop: float = 10.0
    probe: float = 5.0
    silence: float = 60.0
    restarts: int = 10
    first_delay: float = 0.5
    longest_delay: float = 60.0
    steady: float = 60.0

    def delay(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row.

        Doubled with each, and spread so that engines which fell together do not rise together.
        """
        longest = min(self.first_delay * 2.0 ** (failures - 1), self.longest_delay)
        return random.uniform(longest / 2, longest)  # noqa: S311  (nothing secret)
