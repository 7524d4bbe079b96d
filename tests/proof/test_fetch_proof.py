"""The proof of promise 2: no image fetch reaches an address that is not public.

Every address and port leads to one local site that counts its connections, so a check that fails is counted
whatever it let through. How to run it against a change: `./run test tests/proof`; see docs/security.md.
"""

import asyncio
import ipaddress

import httpcore2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from proof.attacks import ADDRESSES, ATTACKS, Attack
from proof.certificates import Certificates
from proof.web import (
    PARAM,
    PNG,
    PUBLIC,
    Answer,
    Diverted,
    Names,
    Site,
    fetching,
    names,
    paths,
    redirect,
    reply,
)
from readstone.core.errors import InvalidImage, TooLarge
from readstone.media.address import Address
from readstone.media.policy import FetchPolicy

FEW = FetchPolicy(total_seconds=5, connect_seconds=1)
BEHIND_REDIRECTS = (
    "http://127.0.0.1/",
    "http://[::1]/",
    "http://10.0.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[fd00:ec2::254]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://localhost/",
    "http://metadata.google.internal/",
    "http://inside.example/",
    "http://mixed.example/",
    "http://images.example:6379/",
    "http://user@images.example/",
    "http://images.example\\@127.0.0.1/",
    "//127.0.0.1/",
    "//localhost/",
    "/\\127.0.0.1/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/",
)


def _is_told_safely(error: InvalidImage, url: str) -> bool:
    """Names the field, and nothing of the URL but its host; no address that was looked up."""
    told = error.message
    secrets = ("secret", "meta-data", "passwd", "computeMetadata", "10.0.0.1", "169.254.169.254")
    host_may_be_named = [secret for secret in secrets if secret not in url.split("/")[2:3]]
    return (
        error.param == PARAM
        and PARAM in told
        and not any(word in told for word in host_may_be_named)
    )


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.reason)
async def test_no_attack_is_connected_to_or_looked_up(attack: Attack) -> None:
    resolver = names()
    async with Site(reply(PNG)).open() as site:
        network = Diverted(site)
        async with fetching(FEW, resolver, network) as fetcher:
            with pytest.raises(InvalidImage) as caught:
                await fetcher.fetch(attack.url, PARAM)

        assert (site.connections, network.attempts, resolver.asked) == (0, [], [])
    assert caught.value.code == "unsupported_image_url"
    assert _is_told_safely(caught.value, attack.url)


@pytest.mark.parametrize(("address", "reason"), ADDRESSES)
@pytest.mark.parametrize("mixed", ["{}", "{} 93.184.215.14", "93.184.215.14 2606:2800:220:1::1 {}"])
async def test_no_name_leads_to_an_address_that_is_not_public(
    address: str, reason: str, mixed: str
) -> None:
    async with Site(reply(PNG)).open() as site:
        network = Diverted(site)
        async with fetching(FEW, names(images=mixed.format(address)), network) as fetcher:
            with pytest.raises(
                InvalidImage, match=r"'images\.example': it has no public"
            ) as caught:
                await fetcher.fetch("http://images.example/secret", PARAM)

        assert (site.connections, network.attempts) == (0, []), reason
    assert address not in caught.value.message
    assert "secret" not in caught.value.message


async def test_a_name_nobody_knows_and_an_internal_one_are_told_alike() -> None:
    told: list[str] = []
    async with (
        Site(reply(PNG)).open() as site,
        fetching(FEW, names(inside="10.0.0.1"), Diverted(site)) as fetcher,
    ):
        for name in ("inside", "nobody"):
            with pytest.raises(InvalidImage) as caught:
                await fetcher.fetch(f"http://{name}.example/", PARAM)
            told.append(caught.value.message.replace(name, "name") + str(caught.value.code))

    assert told[0] == told[1]


async def test_a_name_that_turns_private_after_the_check_is_looked_up_once() -> None:
    rebinding = Names({"images.example.": [[PUBLIC], ["127.0.0.1"]]})
    async with Site(reply(PNG)).open() as site:
        network = Diverted(site)
        async with fetching(FEW, rebinding, network) as fetcher:
            assert await fetcher.fetch("http://images.example/", PARAM) == PNG

    assert rebinding.asked == ["images.example."]
    assert network.attempts == [(PUBLIC, 80)]


async def test_a_name_that_turns_private_at_a_redirect_to_itself_is_refused() -> None:
    rebinding = Names({"images.example.": [[PUBLIC], ["127.0.0.1"]]})
    async with Site(redirect("/again")).open() as site:
        network = Diverted(site)
        async with fetching(FEW, rebinding, network) as fetcher:
            with pytest.raises(InvalidImage) as caught:
                await fetcher.fetch("http://images.example/", PARAM)

    assert caught.value.code == "unsupported_image_url"
    assert network.attempts == [(PUBLIC, 80)]
    assert site.connections == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("hop", [1, 2, 3, 4])
@pytest.mark.parametrize("evil", BEHIND_REDIRECTS)
async def test_no_redirect_leads_to_a_forbidden_place(evil: str, hop: int, status: int) -> None:
    chain: dict[str, Answer] = {f"/{n}": redirect(f"/{n + 1}", status) for n in range(1, hop)}
    resolver = names(inside="10.0.0.1", mixed=f"{PUBLIC} 127.0.0.1")
    async with Site(paths(chain | {f"/{hop}": redirect(evil, status)})).open() as site:
        network = Diverted(site)
        async with fetching(FEW, resolver, network) as fetcher:
            with pytest.raises(InvalidImage) as caught:
                await fetcher.fetch("http://images.example/1", PARAM)

        assert site.connections == hop
    assert network.attempts == [(PUBLIC, 80)] * hop
    assert caught.value.code in {"unsupported_image_url", "image_fetch_failed"}
    assert "'images.example'" in caught.value.message
    assert _is_told_safely(caught.value, "http://images.example/1")


async def test_https_is_not_followed_down_to_http(certificates: Certificates) -> None:
    async with Site(redirect("http://other.example/"), certificates.right).open() as site:
        network = Diverted(site)
        async with fetching(FEW, names(), network, certificates.trusted) as fetcher:
            with pytest.raises(InvalidImage, match="from https to http") as caught:
                await fetcher.fetch("https://images.example/", PARAM)

    assert caught.value.code == "unsupported_image_url"
    assert network.attempts == [(PUBLIC, 443)]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_real_listeners_on_loopback_count_no_connection(host: str) -> None:
    literal = f"[{host}]" if ":" in host else host
    resolver = names(inside=host)
    network = None  # the machine's own
    async with Site(reply(PNG)).open(host) as site:
        spellings = [
            f"http://{literal}:{site.port}/",
            f"http://localhost:{site.port}/",
            f"http://inside.example:{site.port}/",
            f"http://images.example@{literal}:{site.port}/",
            f"http://2130706433:{site.port}/",
            f"http://[::ffff:127.0.0.1]:{site.port}/",
        ]
        async with fetching(FEW, resolver, network) as fetcher:
            for url in spellings:
                with pytest.raises(InvalidImage):
                    await fetcher.fetch(url, PARAM)

        assert site.connections == 0


class _Inside(Names):
    async def resolve(self, name: str) -> tuple[Address, ...]:
        self.asked.append(name)
        return (ipaddress.ip_address("10.0.0.1"),)


class _Unreachable(httpcore2.AsyncNetworkBackend):
    async def connect_tcp(
        self, host: str, *_: object, **__: object
    ) -> httpcore2.AsyncNetworkStream:
        raise AssertionError(f"connected to {host}")


_PIECES = st.sampled_from(
    [
        *("http://", "https://", "HTTP://", "http:", "//", "/", "\\", "@", ":", "#", "?", "%", ";"),
        *("127.0.0.1", "127.1", "0x7f", "2130706433", "[::1]", "[", "]", "::", "localhost", "."),
        *("images.example", ":80", ":443", ":8080", "%00", "%2e", "\t", "\n", "\x00", " ", "。"),
        *(
            "xn--",
            "ⓛ",
            "\uff11",
            "\u200b",
            "\u00ad",
            "\ud800",
            "é",
            "user:secret@",
            "metadata",
            "-",
        ),
    ]
)
_URLS = st.one_of(
    st.text(st.characters(codec=None), max_size=60),
    st.lists(_PIECES, max_size=9).map("".join),
    st.lists(st.one_of(_PIECES, st.text(max_size=4)), max_size=7).map(
        lambda pieces: "http://" + "".join(pieces)
    ),
    st.ip_addresses().map(lambda address: f"http://{address}/"),
)


@settings(max_examples=600, deadline=None)
@given(_URLS)
@example("http://images.example/")
def test_any_text_ends_in_one_of_two_errors_and_never_on_the_network(url: str) -> None:
    async def fetch() -> None:
        everything_is_inside = _Inside({})
        async with fetching(FEW, everything_is_inside, _Unreachable()) as fetcher:
            await fetcher.fetch(url, PARAM)

    try:
        asyncio.run(fetch())
    except (InvalidImage, TooLarge) as error:
        assert error.param == PARAM  # noqa: PT017
    except AssertionError as error:
        # A literal that the standard library holds for public, too, may be connected to.
        address = str(error).removeprefix("connected to ")
        assert ipaddress.ip_address(address).is_global
