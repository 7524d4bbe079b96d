"""The reader in each of its profiles, loaded when the first page asks for it."""

from threading import Lock

from readstone.core.model import Profile
from readstone.engines.reader.page_reader import PageReader
from readstone.engines.reader.weights import Weights


class Readers:
    """One page reader for each profile that was asked for; threads may share it."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._loaded: dict[Profile, PageReader] = {}
        self._loading = Lock()

    def at_hand(self, profile: Profile) -> PageReader | None:
        """The reader of a profile that was loaded before."""
        return self._loaded.get(profile)

    def load(self, profile: Profile) -> PageReader:
        """The reader of a profile, loaded and warm; takes less than a second where it was not."""
        with self._loading:
            if (reader := self._loaded.get(profile)) is None:
                reader = PageReader(self._weights, profile)
                reader.warm_up()
                self._loaded[profile] = reader
            return reader
