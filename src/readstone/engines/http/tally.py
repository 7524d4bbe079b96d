"""The tokens that an engine counts over one stream, however it tells them."""

from readstone.engines.http.chunk import Count


class Tally:
    """Takes counts as they come: running totals beside choices, totals without, or one for each choice (llama.cpp)."""

    __slots__ = ("_before", "_has_ended", "_whole", "count")

    def __init__(self) -> None:
        self.count: Count | None = None
        """What has been counted; None where nothing was."""
        self._before: Count | None = None
        self._whole: Count | None = None
        self._has_ended = False

    def end_choice(self) -> None:
        """A choice has given its reason to end."""
        self._has_ended = True

    def take(self, count: Count, *, is_alone: bool) -> None:
        """A count came, `is_alone` where it came without choices.

        Beside choices it is what there is so far, and so it is alone as long as no further choice has ended.
        """
        if not is_alone:
            self.count = count
            return
        if self._has_ended:
            self._has_ended = False
            self._before = self._whole
            self._whole = count.after(self._before)
        self.count = count.after(self._before)
