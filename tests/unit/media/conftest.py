"""The certificates of the proof, for the fetcher's unit tests too."""

import pytest

from proof.certificates import Certificates, issue


@pytest.fixture(scope="session")
def certificates() -> Certificates:
    return issue()
