"""Tokens of an identity provider: whose they are, what they allow, and every way to be refused."""

import base64
import hmac
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from readstone.config import AuthenticationConfig, JWTConfig
from readstone.core.errors import AuthenticationFailed, ConfigurationError
from readstone.core.grant import Grant
from readstone.core.key import mint
from readstone.core.limit import Limits
from readstone.serving.authentication import build_authentication
from readstone.serving.tokens import Tokens
from readstone.store.memory import MemoryStore

ISSUER = "https://login.test/"
SECRET = "a shared secret that nobody can guess, as it is long"
RSA = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
OTHER_RSA = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()


def jwk(algorithm: str, private: Any, key_id: str) -> dict[str, Any]:
    made = jwt.get_algorithm_by_name(algorithm).to_jwk(private.public_key(), as_dict=True)
    return {**made, "kid": key_id, "use": "sig"}


JWKS = {
    "keys": [
        jwk("RS256", RSA, "rsa"),
        jwk("ES256", EC, "ec"),
        jwk("EdDSA", ED, "ed"),
        {**jwk("RS256", OTHER_RSA, "sealing"), "use": "enc"},
        {"kty": "oct", "kid": "shared", "k": "c2VjcmV0" * 8, "alg": "HS256"},
    ]
}


def claims(**more: Any) -> dict[str, Any]:
    now = int(time.time())
    said = {"iss": ISSUER, "aud": "readstone", "sub": "user-1", "iat": now, "exp": now + 60, **more}
    return {name: value for name, value in said.items() if value is not None}


def signed(
    key: Any = RSA, algorithm: str = "RS256", key_id: str | None = "rsa", **more: Any
) -> str:
    headers = {} if key_id is None else {"kid": key_id}
    return jwt.encode(claims(**more), key, algorithm, headers=headers)


Make = Callable[..., Tokens]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps(JWKS), encoding="utf-8")

    def made(**settings: Any) -> Tokens:
        return Tokens(JWTConfig(issuer=ISSUER, jwks_file=file, **settings), None)

    return made


@pytest.mark.parametrize(
    ("key", "algorithm", "key_id"),
    [(RSA, "RS256", "rsa"), (EC, "ES256", "ec"), (ED, "EdDSA", "ed")],
)
async def test_a_token_of_the_issuer_is_taken(
    make: Make, key: Any, algorithm: str, key_id: str
) -> None:
    tokens = make()
    token = signed(key, algorithm, key_id)

    for _ in range(2):
        principal = await tokens.principal(token)
        assert principal is not None
        assert (principal.key_id, principal.owner) == ("jwt:user-1", "user-1")
        assert principal.grant == Grant()
    await tokens.stop()


async def test_a_shared_secret_signs_as_well() -> None:
    config = JWTConfig(issuer=ISSUER, algorithms=("HS256",), secret_env="SECRET")
    tokens = Tokens(config, SECRET)

    assert await tokens.principal(signed(SECRET, "HS256", None)) is not None
    with pytest.raises(AuthenticationFailed, match="not valid here"):
        await tokens.principal(signed(SECRET + "!", "HS256", None))


def test_a_short_secret_is_refused_at_the_start() -> None:
    config = JWTConfig(issuer=ISSUER, algorithms=("HS256",), secret_env="SECRET")

    with pytest.raises(ConfigurationError, match="32 bytes"):
        Tokens(config, "secret")


@pytest.mark.parametrize("credential", ["rs-a-b", "eyJ", "eyJhbGciOiJIUzI1NiJ9.x", "", "a.b.c"])
async def test_what_is_no_token_is_left_to_others(make: Make, credential: str) -> None:
    assert await make().principal(credential) is None


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _unsigned() -> str:
    return jwt.encode(claims(), "", "none")


def _confused() -> str:
    """Signed with the public key as if it were a shared secret."""
    public = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = json.dumps({"alg": "HS256", "kid": "rsa"}).encode()
    signing = f"{_encoded(head)}.{_encoded(json.dumps(claims()).encode())}"
    return f"{signing}.{_encoded(hmac.digest(public, signing.encode(), 'sha256'))}"


def _tampered() -> str:
    head, _, signature = signed().split(".")
    return f"{head}.{_encoded(json.dumps(claims(sub='boss')).encode())}.{signature}"


@pytest.mark.parametrize(
    ("token", "told"),
    [
        (lambda: signed(exp=int(time.time()) - 31), "has expired"),
        (lambda: signed(exp=None), "no claim 'exp'"),
        (lambda: signed(sub=None), "no claim 'sub'"),
        (lambda: signed(aud=None), "no claim 'aud'"),
        (lambda: signed(iss=None), "no claim 'iss'"),
        (lambda: signed(sub=""), "names nobody"),
        (lambda: signed(aud="another"), "not valid here"),
        (lambda: signed(iss="https://login.test"), "not valid here"),
        (lambda: signed(nbf=int(time.time()) + 100), "not valid here"),
        (lambda: signed(OTHER_RSA), "not valid here"),
        (lambda: signed(RSA, "RS512"), "not signed as it should be"),
        (lambda: signed(RSA, "RS256", "ec"), "not valid here"),
        (lambda: signed(OTHER_RSA, "RS256", "sealing"), "a key that is not known"),
        (lambda: signed(RSA, "RS256", "unknown"), "a key that is not known"),
        (lambda: signed(RSA, "RS256", None), "a key that is not known"),
        (lambda: signed(b"secret" * 8, "HS256", "shared"), "not signed as it should be"),
        (_unsigned, "not signed as it should be"),
        (_confused, "not signed as it should be"),
        (_tampered, "not valid here"),
        (lambda: signed()[:-4] + "AAAA", "not valid here"),
        (lambda: "eyJ.b.c", "cannot be read"),
        (lambda: "eyJ\xff.é.c", "cannot be read"),
    ],
)
async def test_every_other_token_is_refused_in_our_own_words(
    make: Make, token: Callable[[], str], told: str
) -> None:
    tokens = make()

    with pytest.raises(AuthenticationFailed, match=told):
        await tokens.principal(token())
    await tokens.stop()


async def test_a_clock_may_be_off_a_little(make: Make) -> None:
    assert await make().principal(signed(exp=int(time.time()) - 10)) is not None


async def test_a_checked_token_is_refused_once_it_has_expired(tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps(JWKS), encoding="utf-8")
    now = time.time()
    tokens = Tokens(JWTConfig(issuer=ISSUER, jwks_file=file), None, lambda: now)
    token = signed(exp=int(now) - 10)
    assert await tokens.principal(token) is not None
    assert len(tokens._checked) == 1  # pyright: ignore[reportPrivateUsage]

    now += 21  # past its end and the leeway
    tokens._check = _never  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]
    with pytest.raises(AssertionError, match="looked at again"):
        await tokens.principal(token)


async def _never(token: str) -> None:
    del token
    raise AssertionError("looked at again")


async def test_claims_say_what_a_token_allows(make: Make) -> None:
    tokens = make(
        owner_claim="email",
        scopes=("api", "admin:usage"),
        scopes_claim="scope",
        models_claim="models",
        limits_claim="limits",
    )
    principal = await tokens.principal(
        signed(
            email="ada@test",
            scope="openid chat admin admin:usage",
            models=["ocr", "Qwen/*"],
            limits={"requests_per_minute": 7, "budget_per_month": 1.5},
        )
    )

    assert principal is not None
    assert principal.owner == "ada@test"
    limits = Limits(requests_per_minute=7, budget_per_month=1_500_000)
    assert principal.grant == Grant(("chat", "admin:usage"), ("ocr", "Qwen/*"), limits)
    assert tokens.limits_of("jwt:user-1") == limits
    assert tokens.limits_of("jwt:user-2") is None


@pytest.mark.parametrize(
    ("settings", "more", "told"),
    [
        ({"scopes_claim": "scope"}, {}, "no claim 'scope'"),
        ({"models_claim": "m"}, {}, "no claim 'm'"),
        ({"limits_claim": "l"}, {}, "no claim 'l'"),
        ({"owner_claim": "email"}, {}, "no claim 'email'"),
        ({"required_claims": ("jti",)}, {}, "no claim 'jti'"),
        ({"scopes_claim": "scope"}, {"scope": 7}, "no list of names"),
        ({"models_claim": "m"}, {"m": ["a", 7]}, "no list of names"),
        ({"limits_claim": "l"}, {"l": {"rpm": 1}}, "holds no limits"),
        ({"limits_claim": "l"}, {"l": {"concurrency": -1}}, "holds no limits"),
        ({"limits_claim": "l"}, {"l": {"concurrency": True}}, "holds no limits"),
        ({"limits_claim": "l"}, {"l": 7}, "holds no limits"),
    ],
)
async def test_a_token_without_what_is_asked_for_gets_no_more_for_it(
    make: Make, settings: dict[str, Any], more: dict[str, Any], told: str
) -> None:
    with pytest.raises(AuthenticationFailed, match=told):
        await make(**settings).principal(signed(**more))


async def test_an_empty_list_of_models_is_none_of_them(make: Make) -> None:
    principal = await make(models_claim="m").principal(signed(m=[]))

    assert principal is not None
    assert principal.grant.models != ()


async def test_a_long_or_odd_subject_becomes_a_short_id(make: Make) -> None:
    for subject in ("x" * 5000, "a\nb", "a}:tokens", "a b", "ä"):
        principal = await make().principal(signed(sub=subject))
        assert principal is not None
        assert len(principal.key_id) == len("jwt:") + 64
        assert principal.key_id.isprintable()


@pytest.mark.parametrize("subject", ["user-1", "auth0|5f7", "ada@test.example", "spiffe://a/b"])
async def test_a_plain_subject_is_seen_in_the_id(make: Make, subject: str) -> None:
    principal = await make().principal(signed(sub=subject))

    assert principal is not None
    assert principal.key_id == f"jwt:{subject}"


async def test_keys_and_tokens_come_in_by_one_door(tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps(JWKS), encoding="utf-8")
    store = MemoryStore()
    key, written = mint("mine", 0, Grant(limits=Limits(5)))
    await store.add_key(key)
    config = JWTConfig(issuer=ISSUER, jwks_file=file, limits_claim="l")
    authentication = build_authentication(AuthenticationConfig(jwt=config), store)

    token = signed(l={"concurrency": 2})
    assert (await authentication.authenticator.principal(f"Bearer {token}")).key_id == "jwt:user-1"
    assert (await authentication.authenticator.principal(f"Bearer {written}")).name == "mine"

    for key_id, limits in (("jwt:user-1", Limits(concurrency=2)), (key.public_id, Limits(5))):
        found = await authentication.records.find_key(key_id)
        assert found is not None
        assert found.grant.limits == limits
    assert await authentication.records.find_key("jwt:nobody") is None
    await authentication.stop()


def test_without_the_library_the_start_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "readstone.serving.tokens", None)
    config = JWTConfig(issuer=ISSUER, jwks_file=Path("jwks.json"))

    with pytest.raises(ConfigurationError, match=r"pip install 'readstone\[jwt\]'"):
        build_authentication(AuthenticationConfig(jwt=config), MemoryStore())
