"""The vocabulary of requests that are sent again with the same Idempotency-Key: a right, and the answer that was kept."""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Right:
    """A request's right to be the one that is answered for its Idempotency-Key.

    `id` names the key, hashed with the public id of who sent it. Times are Unix milliseconds: the right lapses at `until` unless
    it is renewed, and is forgotten at `expires`.
    """

    id: str
    key_id: str
    request_id: str
    at: int
    until: int
    expires: int


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """A whole answer as it was sent; `fingerprint` is of the request that it answers. Headers are pairs of text."""

    fingerprint: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Runs:
    """Another request with that key is being answered."""


@dataclass(frozen=True, slots=True)
class Lapsed:
    """Another request with that key was being answered until its process ended or lost touch."""

    request_id: str


@dataclass(frozen=True, slots=True)
class Lost:
    """Another request with that key was answered, and its answer is not there."""


Standing: TypeAlias = Right | KeptAnswer | Runs | Lapsed | Lost
"""What there is of an Idempotency-Key: a right of one's own where there was nothing."""
