"""Certificates for the proof, made anew for every run."""

import pytest

from proof.certificates import Certificates, issue


@pytest.fixture(scope="session")
def certificates() -> Certificates:
    return issue()
