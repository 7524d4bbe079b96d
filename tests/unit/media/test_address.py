from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proof.attacks import ADDRESSES
from readstone.core.errors import ConfigurationError
from readstone.media.address import (
    INTERNAL,
    METADATA,
    Address,
    carried,
    is_permitted,
    is_public,
    parse_networks,
)

EVERYTHING = parse_networks(["0.0.0.0/0", "::/0"])


@pytest.mark.parametrize(
    "text",
    [
        *("1.1.1.1", "8.8.8.8", "93.184.215.14", "9.255.255.255", "11.0.0.0", "100.63.255.255"),
        *("100.128.0.0", "126.255.255.255", "128.0.0.1", "169.253.255.255", "169.255.0.0"),
        *("172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "198.17.255.255"),
        *("198.20.0.0", "223.255.255.255", "168.63.129.15"),
        *("2606:4700::1111", "2a00:1450:4001::200e", "2001:4860:4860::8888", "2400:cb00::1"),
    ],
)
def test_addresses_of_the_internet_are_public(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize(("text", "reason"), ADDRESSES)
def test_everything_else_is_not(text: str, reason: str) -> None:
    assert not is_public(ip_address(text)), reason
    assert not is_permitted(ip_address(text), ()), reason


@given(st.ip_addresses())
def test_nothing_is_public_that_the_standard_library_holds_for_private(address: Address) -> None:
    if is_public(address):
        assert address.is_global
        assert not address.is_multicast
        assert not address.is_reserved


@given(st.ip_addresses(v=4), st.sampled_from(["::ffff:0:0", "::", "64:ff9b::", "64:ff9b:1::"]))
def test_an_address_that_carries_another_is_never_public(inside: Address, prefix: str) -> None:
    address = IPv6Address(int(IPv6Address(prefix)) + int(inside))

    assert not is_public(address)
    if prefix == "::" and int(inside) <= 1:
        return  # unspecified and loopback
    assert carried(address) == inside
    assert is_permitted(address, EVERYTHING) == (inside not in METADATA)


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("2002:7f00:1::", "127.0.0.1"),
        ("2001:0:5db8:d70e::80ff:fffe", "127.0.0.1"),
        ("2606:2800:220:1:0:5efe:a9fe:a9fe", "169.254.169.254"),
        ("2606:2800:220:1::1", None),
        ("1.1.1.1", None),
    ],
)
def test_what_an_address_carries_is_found(text: str, inside: str | None) -> None:
    assert carried(ip_address(text)) == (IPv4Address(inside) if inside else None)


@pytest.mark.parametrize("address", sorted(METADATA, key=str), ids=str)
def test_no_configuration_opens_metadata(address: Address) -> None:
    assert not is_permitted(address, EVERYTHING)
    assert not is_permitted(address, INTERNAL)


def test_an_opened_network_opens_itself_only() -> None:
    opened = parse_networks(["10.1.0.0/16", "fd12::/16", "64:ff9b::/96"])

    assert is_permitted(ip_address("10.1.2.3"), opened)
    assert is_permitted(ip_address("fd12::1"), opened)
    assert is_permitted(ip_address("1.1.1.1"), opened)
    assert is_permitted(ip_address("64:ff9b::5db8:d70e"), opened)
    assert is_permitted(ip_address("64:ff9b::a01:203"), opened)
    assert not is_permitted(ip_address("10.2.0.0"), opened)
    assert not is_permitted(ip_address("64:ff9b::7f00:1"), opened)
    assert not is_permitted(ip_address("::ffff:10.1.2.3"), opened)


def test_an_address_of_one_interface_is_never_permitted() -> None:
    assert not is_permitted(ip_address("fe80::1%lo"), EVERYTHING)
    assert not is_permitted(ip_address("fd00:ec2::254%lo"), EVERYTHING)
    assert not is_public(ip_address("2606:2800:220:1::1%lo"))


def test_hosts_of_ones_own_are_not_link_local() -> None:
    assert not any(ip_address("169.254.1.1") in network for network in INTERNAL)
    assert not any(network.overlaps(ip_network("fe80::/10")) for network in INTERNAL)


@pytest.mark.parametrize("text", ["10.0.0.0/33", "10.0.0.1/8", "ten", "", "images.example"])
def test_what_is_no_network_is_named(text: str) -> None:
    with pytest.raises(ConfigurationError, match=f"'{text}' is not a network"):
        parse_networks(["10.0.0.0/8", text])
