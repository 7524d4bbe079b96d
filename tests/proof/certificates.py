"""Certificates for the proof: an authority of its own, and servers with the right name and a wrong one."""

import ssl
from dataclasses import dataclass

import trustme


@dataclass(frozen=True, slots=True)
class Certificates:
    """What a client trusts, and servers that are images.example and somebody else."""

    trusted: ssl.SSLContext
    right: ssl.SSLContext
    wrong: ssl.SSLContext


def issue() -> Certificates:
    authority = trustme.CA()
    trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(trusted)  # pyright: ignore[reportUnknownMemberType]
    return Certificates(
        trusted, _server(authority, "images.example"), _server(authority, "wrong.example")
    )


def _server(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)  # pyright: ignore[reportUnknownMemberType]
    return context
