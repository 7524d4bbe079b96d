import asyncio
import os
import ssl
from dataclasses import replace
from pathlib import Path

import httpcore2
import pytest

from proof.certificates import Certificates
from proof.web import (
    PARAM,
    PNG,
    PUBLIC,
    QUICK,
    Answer,
    Diverted,
    Names,
    Site,
    Visit,
    fetching,
    names,
    paths,
    redirect,
    reply,
)
from readstone import __version__
from readstone.core.errors import ConfigurationError, InvalidImage
from readstone.media.fetch import Fetcher
from readstone.media.policy import FetchPolicy
from readstone.media.resolver import SystemResolver

POLICY = FetchPolicy(total_seconds=10, connect_seconds=2)
PDF = b"%PDF-1.7\n"


async def test_an_image_is_fetched_with_a_request_that_tells_nothing() -> None:
    async with Site(reply(PNG)).open() as site:
        network = Diverted(site)
        async with fetching(POLICY, names(), network) as fetcher:
            assert await fetcher.fetch("http://Images.example./a.png?b#c", PARAM) == PNG

    assert network.attempts == [(PUBLIC, 80)]
    assert site.visits[0].head.decode().split("\r\n") == [
        "GET /a.png?b HTTP/1.1",
        "Host: images.example",
        f"User-Agent: Readstone/{__version__}",
        "Accept: image/jpeg, image/png, image/webp, application/pdf;q=0.9",
        "Accept-Encoding: identity",
        "Connection: close",
        "",
        "",
    ]


async def test_the_environment_has_no_say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    (tmp_path / ".netrc").write_text("default login user password secret", encoding="utf-8")
    monkeypatch.setenv("NETRC", os.fspath(tmp_path / ".netrc"))
    monkeypatch.setenv("HOME", os.fspath(tmp_path))

    async with (
        Site(reply(PNG)).open() as site,
        fetching(POLICY, names(), Diverted(site)) as fetcher,
    ):
        await fetcher.fetch("http://images.example/", PARAM)

    assert b"uthorization" not in site.visits[0].head


async def test_cookies_are_not_kept_and_nobody_is_told_who_sent_us() -> None:
    first = reply(b"", 302, ["Location: /b", "Set-Cookie: a=b", "Content-Length: 0"])
    async with (
        Site(paths({"/a": first, "/b": reply(PNG)})).open() as site,
        fetching(POLICY, names(), Diverted(site)) as fetcher,
    ):
        await fetcher.fetch("http://images.example/a", PARAM)

    assert b"ookie" not in site.visits[1].head
    assert b"eferer" not in site.visits[1].head


@pytest.mark.parametrize(
    "body",
    [PNG, b"\xff\xd8\xff\xe0" + bytes(99), b"RIFF\0\0\0\0WEBPVP8 ", PDF, b"\n junk" + PDF],
)
async def test_images_and_pdfs_are_told_by_their_bytes(body: bytes) -> None:
    answer = reply(body, 200, ["Content-Type: text/html"])
    async with (
        Site(answer).open() as site,
        fetching(POLICY, names(), Diverted(site)) as fetcher,
    ):
        assert await fetcher.fetch("http://images.example/", PARAM) == body


async def test_three_redirects_are_followed_and_each_is_looked_up() -> None:
    answers = {
        "/1": redirect("http://other.example/2", 301),
        "/2": redirect("3", 307),
        "/3": redirect("//images.example/4", 308),
        "/4": reply(PNG),
    }
    resolver = names()
    async with Site(paths(answers)).open() as site:
        network = Diverted(site)
        async with fetching(POLICY, resolver, network) as fetcher:
            assert await fetcher.fetch("http://images.example/1", PARAM) == PNG

    assert [name.partition(".")[0] for name in resolver.asked] == [
        "images",
        "other",
        "other",
        "images",
    ]
    assert [address for address, _ in network.attempts] == [
        PUBLIC,
        "151.101.1.67",
        "151.101.1.67",
        PUBLIC,
    ]


@pytest.mark.parametrize("most", [0, 1, 3])
async def test_redirects_end_at_their_limit(most: int) -> None:
    async with (
        Site(redirect("/again")).open() as site,
        fetching(replace(POLICY, redirects=most), names(), Diverted(site)) as fetcher,
    ):
        with pytest.raises(InvalidImage, match=f"more than {most} times") as caught:
            await fetcher.fetch("http://images.example/", PARAM)

    assert caught.value.code == "image_fetch_failed"
    assert site.connections == most + 1


async def test_http_is_followed_up_to_https(certificates: Certificates) -> None:
    async def up(visit: Visit) -> None:
        await redirect("https://images.example/")(visit)

    class Two(Diverted):
        """Port 80 leads to one site, 443 to the other."""

        def route(self, host: str, port: int) -> Site:  # noqa: ARG002
            return plain if port == 80 else secure

    async with (
        Site(up).open() as plain,
        Site(reply(PNG), certificates.right).open() as secure,
        fetching(POLICY, names(), Two(plain), certificates.trusted) as fetcher,
    ):
        assert await fetcher.fetch("http://images.example/", PARAM) == PNG


async def test_the_next_address_is_tried_where_one_cannot_be_connected_to() -> None:
    class Broken(Diverted):
        def route(self, host: str, port: int) -> Site:
            if ":" in host:
                raise httpcore2.ConnectError
            return super().route(host, port)

    async with Site(reply(PNG)).open() as site:
        network = Broken(site)
        resolver = names(images=f"2606:2800:220:1::1 {PUBLIC}")
        async with fetching(POLICY, resolver, network) as fetcher:
            assert await fetcher.fetch("http://images.example/", PARAM) == PNG
        async with fetching(POLICY, names(images="2606:2800:220:1::1"), network) as fetcher:
            with pytest.raises(InvalidImage, match="cannot be connected to"):
                await fetcher.fetch("http://images.example/", PARAM)

    assert network.attempts[:2] == [("2606:2800:220:1::1", 80), (PUBLIC, 80)]


@pytest.mark.parametrize("host", ["93.184.215.14", "[2606:2800:220:1::1]"])
async def test_a_public_address_needs_no_name(host: str) -> None:
    resolver = names()
    async with Site(reply(PNG)).open() as site:
        network = Diverted(site)
        async with fetching(POLICY, resolver, network) as fetcher:
            assert await fetcher.fetch(f"http://{host}/", PARAM) == PNG

    assert resolver.asked == []
    assert network.attempts == [(host.strip("[]"), 80)]
    assert f"Host: {host}\r\n".encode() in site.visits[0].head


async def test_one_url_in_parallel_requests_is_fetched_once_and_errors_name_each_their_field() -> (
    None
):
    async with (
        Site(paths({"/a": reply(PNG)})).open() as site,
        fetching(POLICY, names(), Diverted(site)) as fetcher,
    ):
        answers = await asyncio.gather(
            *(fetcher.fetch(f"http://images.example/a#{n}", PARAM) for n in range(8))
        )
        assert answers == [PNG] * 8
        assert site.connections == 1

        failures = await asyncio.gather(
            *(fetcher.fetch("http://images.example/b", f"field{n}") for n in range(3)),
            return_exceptions=True,
        )
        assert site.connections == 2

    assert [
        (f.param, f"field{n}" in f.message)
        for n, f in enumerate(failures)
        if isinstance(f, InvalidImage)
    ] == [(f"field{n}", True) for n in range(3)]


def _tunnel(server: ssl.SSLContext) -> Answer:
    async def answer(visit: Visit) -> None:
        await visit.send(b"HTTP/1.1 200 Connected\r\n\r\n")
        await visit.start_tls(server)
        if await visit.listen():
            await reply(PNG)(visit)

    return answer


class TestHostsOfOnesOwn:
    """Allowed by configuration; on the machine's own network, without diversion."""

    async def test_an_allowed_host_is_reached_on_its_port_at_loopback(self) -> None:
        policy = replace(POLICY, allowed_hosts=("Pictures.internal.",))
        resolver = Names({"pictures.internal": [["127.0.0.1"]]})
        async with (
            Site(reply(PNG)).open() as site,
            fetching(policy, resolver) as fetcher,
        ):
            assert await fetcher.fetch(f"http://pictures.internal:{site.port}/", PARAM) == PNG

        assert resolver.asked == ["pictures.internal"]
        assert f"Host: pictures.internal:{site.port}\r\n".encode() in site.visits[0].head

    @pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
    async def test_an_allowed_address_is_reached(self, address: str) -> None:
        policy = replace(POLICY, allowed_hosts=(address,))
        literal = f"[{address}]" if ":" in address else address
        async with (
            Site(reply(PNG)).open(address) as site,
            fetching(policy, names()) as fetcher,
        ):
            assert await fetcher.fetch(f"http://{literal}:{site.port}/", PARAM) == PNG

    @pytest.mark.parametrize(
        "url",
        ["http://inside.example:{}/", "http://sub.pictures.internal:{}/", "http://127.0.0.1:{}/"],
    )
    async def test_allowing_one_host_opens_no_other(self, url: str) -> None:
        policy = replace(POLICY, allowed_hosts=("pictures.internal",))
        async with (
            Site(reply(PNG)).open() as site,
            fetching(policy, names(inside="127.0.0.1")) as fetcher,
        ):
            with pytest.raises(InvalidImage) as caught:
                await fetcher.fetch(url.format(site.port), PARAM)
        assert caught.value.code == "unsupported_image_url"
        assert site.connections == 0

    async def test_an_allowed_host_does_not_lead_to_metadata(self) -> None:
        policy = replace(POLICY, allowed_hosts=("images.example", "169.254.169.254"))
        resolver = Names({"images.example": [["169.254.169.254"]]})
        async with Site(reply(PNG)).open() as site:
            network = Diverted(site)
            async with fetching(policy, resolver, network) as fetcher:
                for url in ("http://images.example/", "http://169.254.169.254/latest/meta-data/"):
                    with pytest.raises(InvalidImage):
                        await fetcher.fetch(url, PARAM)
        assert network.attempts == []

    async def test_an_allowed_network_is_reached_under_any_name_on_the_usual_port(self) -> None:
        policy = replace(POLICY, allowed_networks=("10.1.0.0/16",))
        resolver = names(images="10.1.2.3", other="10.2.0.1")
        async with Site(reply(PNG)).open() as site:
            network = Diverted(site)
            async with fetching(policy, resolver, network) as fetcher:
                for url in ("http://images.example/", "http://10.1.2.4/"):
                    assert await fetcher.fetch(url, PARAM) == PNG
                for url in (
                    "http://other.example/",
                    "http://images.example:81/",
                    "http://10.2.0.1/",
                ):
                    with pytest.raises(InvalidImage):
                        await fetcher.fetch(url, PARAM)
        assert network.attempts == [("10.1.2.3", 80), ("10.1.2.4", 80)]


class TestThroughAProxy:
    async def test_http_is_asked_for_in_absolute_form(self) -> None:
        resolver = names()
        async with Site(reply(PNG)).open() as proxy:
            network = Diverted(proxy)
            policy = replace(POLICY, proxy="http://proxy.corp:3128")
            async with fetching(policy, resolver, network) as fetcher:
                assert await fetcher.fetch("http://images.example/a?b", PARAM) == PNG

        assert network.attempts == [("proxy.corp", 3128)]
        assert resolver.asked == []
        assert proxy.visits[0].head.startswith(b"GET http://images.example/a?b HTTP/1.1\r\n")
        assert b"\r\nHost: images.example\r\n" in proxy.visits[0].head

    async def test_https_is_tunnelled_and_the_certificate_held_against_the_name(
        self, certificates: Certificates
    ) -> None:
        policy = replace(POLICY, proxy="http://proxy.corp:3128")
        async with Site(_tunnel(certificates.right)).open() as proxy:
            network = Diverted(proxy)
            async with fetching(policy, names(), network, certificates.trusted) as fetcher:
                assert await fetcher.fetch("https://images.example/a", PARAM) == PNG
            assert network.attempts == [("proxy.corp", 3128)]
            assert proxy.visits[0].earlier.startswith(b"CONNECT images.example:443 HTTP/1.1\r\n")
            assert proxy.visits[0].head.startswith(b"GET /a HTTP/1.1\r\n")

        async with (
            Site(_tunnel(certificates.wrong)).open() as proxy,
            fetching(policy, names(), Diverted(proxy), certificates.trusted) as fetcher,
        ):
            with pytest.raises(InvalidImage, match="certificate"):
                await fetcher.fetch("https://images.example/a", PARAM)

    async def test_what_a_proxy_refuses_is_told_without_its_words(self) -> None:
        policy = replace(POLICY, proxy="http://proxy.corp:3128")
        async with (
            Site(reply(b"squid secret", 403)).open() as proxy,
            fetching(policy, names(), Diverted(proxy)) as fetcher,
        ):
            with pytest.raises(InvalidImage) as caught:
                await fetcher.fetch("https://images.example/", PARAM)
        assert caught.value.code == "image_fetch_failed"
        assert "secret" not in caught.value.message
        assert "proxy.corp" not in caught.value.message

    @pytest.mark.parametrize(
        "url",
        [
            *("http://127.0.0.1/", "http://169.254.169.254/", "http://localhost/"),
            *(
                "http://metadata.google.internal/",
                "http://images.example:22/",
                "http://2130706433/",
            ),
        ],
    )
    async def test_urls_are_still_checked_before_the_proxy_sees_them(self, url: str) -> None:
        policy = replace(POLICY, proxy="http://proxy.corp:3128")
        async with (
            Site(reply(PNG)).open() as proxy,
            fetching(policy, names(), Diverted(proxy)) as fetcher,
        ):
            with pytest.raises(InvalidImage):
                await fetcher.fetch(url, PARAM)
        assert proxy.connections == 0

    async def test_a_redirect_is_checked_before_the_proxy_sees_it(self) -> None:
        policy = replace(POLICY, proxy="http://proxy.corp:3128")
        async with (
            Site(redirect("http://169.254.169.254/")).open() as proxy,
            fetching(policy, names(), Diverted(proxy)) as fetcher,
        ):
            with pytest.raises(InvalidImage, match="not allowed"):
                await fetcher.fetch("http://images.example/", PARAM)
        assert proxy.connections == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"bytes": 0},
        {"total_seconds": 0},
        {"connect_seconds": -1},
        {"concurrency": 0},
        {"redirects": -1},
        {"cache_bytes": -1},
        {"cache_seconds": -1},
        {"allowed_hosts": ("http://images.example",)},
        {"allowed_hosts": ("images.example:80",)},
        {"allowed_hosts": ("*.example",)},
        {"allowed_hosts": ("",)},
        {"allowed_networks": ("10.0.0.1/8",)},
        {"proxy": "proxy:3128"},
        {"proxy": "http://user:secret@proxy:3128"},
        {"proxy": "socks5://proxy:1080"},
        {"proxy": "http://proxy:3128/path"},
    ],
)
def test_a_wrong_policy_stops_the_start(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Fetcher(FetchPolicy(**wrong))  # pyright: ignore[reportArgumentType]
    assert "secret" not in str(caught.value)


async def test_the_system_resolver_gives_every_address() -> None:
    resolver = SystemResolver(1)
    found = await resolver.resolve("localhost")
    nothing = await resolver.resolve("127.0.0.1.5")
    resolver.stop()

    assert found
    assert all(address.is_loopback for address in found)
    assert nothing == ()


async def test_a_started_fetcher_trusts_the_certificates_of_the_machine() -> None:
    fetcher = Fetcher(replace(POLICY, total_seconds=QUICK))
    await fetcher.start()
    with pytest.raises(InvalidImage):
        await fetcher.fetch("http://localhost/", PARAM)
    await fetcher.stop()


async def test_a_fetcher_that_was_not_started_says_so() -> None:
    fetcher = Fetcher(POLICY, resolver=names())
    with pytest.raises(RuntimeError, match="not started"):
        await fetcher.fetch("http://images.example/", PARAM)
    await fetcher.stop()
