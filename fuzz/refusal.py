"""The one way in which bad input may end: an error of the tree that blames the sender and names the field."""

from collections.abc import Generator
from contextlib import contextmanager

from readstone.core.errors import InvalidRequest, TooLarge


@contextmanager
def refused(param: str) -> Generator[None]:
    """Let refusals of `param` pass; whatever else is raised is a finding."""
    try:
        yield
    except (InvalidRequest, TooLarge) as refusal:
        if refusal.param != param:
            raise
