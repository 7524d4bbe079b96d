"""The sections of who may come in: what cannot be meant stops the start."""

from pathlib import Path
from typing import Any

import pytest

from readstone.config import AuthenticationConfig, ExternalConfig, JWTConfig
from readstone.core.errors import ConfigurationError

JWKS = "https://login.test/jwks"


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"jwks_url": JWKS},
        {"issuer": "i", "jwks_url": JWKS},
        {"issuer": "i", "jwks_url": "http://127.0.0.1:9/jwks"},
        {"issuer": "i", "jwks_file": Path("jwks.json"), "algorithms": ("PS512",)},
        {"issuer": "i", "secret_env": "S", "algorithms": ("HS256", "HS512")},
        {"issuer": "i", "jwks_url": JWKS, "scopes": ("chat", "admin:usage")},
    ],
)
def test_what_goes_together_is_taken(settings: dict[str, Any]) -> None:
    assert JWTConfig(**settings).issuer == settings.get("issuer")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "one of jwks_url, jwks_file and secret_env"),
        ({"jwks_url": JWKS, "secret_env": "S"}, "one of jwks_url, jwks_file and secret_env"),
        ({"jwks_url": JWKS, "algorithms": ("RS256", "HS256")}, "cannot hold 'HS256'"),
        ({"jwks_url": JWKS, "algorithms": ("none",)}, "cannot hold 'none'"),
        ({"jwks_url": JWKS, "algorithms": ()}, "algorithms"),
        ({"secret_env": "S"}, "cannot hold 'RS256, ES256, EdDSA'"),
        ({"jwks_url": JWKS, "audience": ()}, "audience is empty"),
        ({"jwks_url": "http://login.test/jwks"}, "no https URL"),
        ({"jwks_url": "ftp://login.test/jwks"}, "no https URL"),
        ({"jwks_url": "https://"}, "no https URL"),
        ({"jwks_url": JWKS, "scopes": ("chta",)}, "did you mean 'chat'"),
        ({"jwks_url": JWKS, "scopes": ()}, "opens nothing"),
    ],
)
def test_what_cannot_be_meant_is_told(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        JWTConfig(issuer="i", **settings)


def test_proxies_are_networks() -> None:
    AuthenticationConfig(trusted_proxies=("10.0.0.0/8", "::1", "192.0.2.1"))

    with pytest.raises(ConfigurationError, match="no network such as"):
        AuthenticationConfig(trusted_proxies=("10.0.0.1/8",))


def test_scopes_of_those_a_service_knows_are_scopes() -> None:
    with pytest.raises(ConfigurationError, match="no scope 'all'"):
        ExternalConfig(scopes=("all",))
