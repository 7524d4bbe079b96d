"""Wrong keys by the address they came from: so many a minute, then the address is told to wait."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, Protocol, TypeAlias

from readstone.core.errors import TooManyWrongKeys
from readstone.serving.limits.counters import Charge, Counters, CountersFailed, Refused, Taken
from readstone.serving.limits.rules import Rule, Sliding
from readstone.telemetry import log

Network: TypeAlias = IPv4Network | IPv6Network

_WINDOW_SECONDS: Final = 60
_MOST_ADDRESSES: Final = 4096
_MOST_HOPS: Final = 16
_SITE: Final = 64
"""Bits of an IPv6 address that a subscriber has for himself at least (RFC 6177): whoever has one has all of them."""


class Origin(Protocol):
    """Where a request comes from."""

    @property
    def peer(self) -> str:
        """The address of the connection's other end; '' where it has none."""
        ...

    @property
    def forwarded(self) -> str:
        """Every `X-Forwarded-For` of the request, in their order and with commas between."""
        ...


class WrongKeys:
    """Counts wrong keys: the first `most` in any 60 seconds of an address are answered, each further one raises.

    `X-Forwarded-For` is believed where the connection comes from one of `proxies`. Of at most 4096 addresses the count is
    kept, those that were silent longest are forgotten first. With `counters` everybody counts together who has the same;
    where they cannot count, each for himself.
    """

    def __init__(
        self,
        most: int,
        proxies: Sequence[Network] = (),
        counters: Counters | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = most
        self._proxies = proxies
        self._counters = counters
        self._now = now
        self._times: dict[str, deque[float]] = {}

    async def count(self, origin: Origin) -> None:
        """Count a wrong key. TooManyWrongKeys where its address has to wait, in which case it is not counted."""
        site = _site(self._address(origin))
        if self._counters is None:
            self._count(site)
            return
        try:
            await self._count_together(site, self._counters)
        except CountersFailed:
            self._count(site)

    async def _count_together(self, site: str, counters: Counters) -> None:
        name = f"readstone:{{{site}}}:wrong_keys"
        rule = Rule(site, None, "requests", self._most, Sliding(_WINDOW_SECONDS), name)
        outcome = await counters.take([Charge(rule, 1)])
        if isinstance(outcome, Refused):
            raise TooManyWrongKeys(retry_after=outcome.wait)
        if isinstance(outcome, Taken) and outcome.levels[0].used == self._most:
            log("too many wrong keys", address=site)

    def _count(self, site: str) -> None:
        now = self._now()
        times = self._times.pop(site, None) or deque[float](maxlen=self._most)
        while len(self._times) >= _MOST_ADDRESSES:
            del self._times[next(iter(self._times))]
        self._times[site] = times
        if len(times) == self._most and now - times[0] < _WINDOW_SECONDS:
            raise TooManyWrongKeys(retry_after=times[0] + _WINDOW_SECONDS - now)
        times.append(now)
        if len(times) == self._most and now - times[0] < _WINDOW_SECONDS:
            log("too many wrong keys", address=site)

    def _address(self, origin: Origin) -> str:
        """The last address on the way that no proxy of ours has."""
        hops = [origin.peer]
        if self._proxies and (forwarded := origin.forwarded):
            written = forwarded.split(",")[-_MOST_HOPS:]
            hops = [*(hop.strip() for hop in written), origin.peer]
        address = hops.pop()
        while hops and self._is_proxy(address):
            before = _parsed(hops.pop())
            if before is None:
                break
            address = str(before)
        return address

    def _is_proxy(self, address: str) -> bool:
        parsed = _parsed(address)
        return parsed is not None and any(parsed in network for network in self._proxies)


def networks(written: Sequence[str]) -> tuple[Network, ...]:
    """Networks, or single addresses, as they are written (CIDR). ValueError for one that is none."""
    return tuple(ip_network(each) for each in written)


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return mapped or parsed


def _site(address: str) -> str:
    """What is counted as one: an IPv4 address, or the /64 of an IPv6 address."""
    parsed = _parsed(address)
    match parsed:
        case None:
            return "unknown"
        case IPv4Address():
            return str(parsed)
        case IPv6Address():
            return str(ip_network((int(parsed) >> _SITE << _SITE, _SITE)))
