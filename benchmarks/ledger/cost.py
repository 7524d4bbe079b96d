"""What keys, limits and the ledger add to a request: the same requests with and without each, turn by turn, in one process."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeAlias

import msgspec
from starlette.types import ASGIApp, Message, Scope

from readstone.api.accounted import Accounted
from readstone.api.exchange import Exchange
from readstone.api.openai.codec import ChatCodec
from readstone.api.openai.completions import PATH, ChatCompletions, ChatLimits
from readstone.core.key import Principal, mint
from readstone.core.limit import Limits
from readstone.core.model import KIND_DEFAULTS, Model
from readstone.engines.fake import FakeEngine
from readstone.media.attachments import Attachments
from readstone.media.fetch import Fetcher
from readstone.media.inspect import DocumentLimits, ImageLimits
from readstone.media.policy import FetchPolicy
from readstone.serving.admission import Admission
from readstone.serving.catalogue import Catalogue
from readstone.serving.gateway import Backend, Gateway
from readstone.serving.intake import Intake
from readstone.serving.keys import Authenticator
from readstone.serving.ledger import Ledger, LedgerTerms
from readstone.serving.limits.limiter import Limiter, Terms
from readstone.serving.limits.memory import MemoryCounters
from readstone.store.sqlite import SQLiteStore

_BODY: Final = msgspec.json.encode(
    {"model": "m", "messages": [{"role": "user", "content": "hello"}], "stream": False}
)
_MEBIBYTE: Final = 1024 * 1024
_OK: Final = 200
_LIMITS: Final = Limits(10**9, 10**12, None, None, 10**15)
"""Requests and tokens of a minute and a budget, none of which is ever reached."""
_MODEL: Final = Model("m", "chat", "fake", KIND_DEFAULTS["chat"], 16)

Turn: TypeAlias = Callable[[Ledger], Awaitable[None]]


class Cost(msgspec.Struct, frozen=True):
    """Microseconds of CPU, all threads, of a request at so many at once.

    `bare` is a request with none of them; `ledger`, `limits` and `keys` are what each adds, `every` what all of them together
    do: medians of differences within a round.
    """

    clients: int
    fsync: bool
    bare: float
    ledger: float
    limits: float
    keys: float
    every: float


async def measure(folder: Path, *, clients: int, fsync: bool, repeats: int, requests: int) -> Cost:
    """Measure in turns of `requests` each; the store is a file of `folder`."""
    store = SQLiteStore(folder / f"{clients}-{fsync}.db", synced=fsync)
    await store.open()
    key, written = mint("benchmark", int(time.time()))
    await store.add_key(key)
    header = f"Bearer {written}"
    authenticator = Authenticator(store)
    principal = await authenticator.principal(header)
    limiter = Limiter(MemoryCounters(), store, Terms(_LIMITS))
    free, limited = _route(None), _route(limiter)

    async def every(ledger: Ledger) -> None:
        who = await authenticator.principal(header)
        await _ask(Accounted(limited, ledger), who, limiter)

    turns: dict[str, Turn] = {
        "bare": lambda _: _ask(free, principal),
        "ledger": lambda ledger: _ask(Accounted(free, ledger), principal),
        "limits": lambda _: _ask(limited, principal, limiter),
        "keys": lambda _: _look(authenticator, header),
        "every": every,
    }
    found: dict[str, list[float]] = {name: [] for name in turns}
    for repeat in range(repeats + 1):
        for name, turn in turns.items():
            spent = await _spent(Ledger(store, LedgerTerms()), turn, clients, requests)
            if repeat:  # the first is for warming up
                found[name].append(spent)
    await limiter.stop()
    await store.close()
    return Cost(
        clients,
        fsync,
        round(statistics.median(found["bare"]), 1),
        _added(found, "ledger"),
        _added(found, "limits"),
        round(statistics.median(found["keys"]), 1),
        _added(found, "every"),
    )


def _added(found: dict[str, list[float]], name: str) -> float:
    pairs = zip(found["bare"], found[name], strict=True)
    return round(statistics.median(with_it - without for without, with_it in pairs), 1)


async def _spent(ledger: Ledger, turn: Turn, clients: int, requests: int) -> float:
    """Microseconds of CPU of one turn, at the end of which everything is committed."""

    async def client() -> None:
        for _ in range(requests // clients):
            await turn(ledger)

    begun = time.process_time()
    await ledger.start()
    await asyncio.gather(*(client() for _ in range(clients)))
    await ledger.stop()
    return (time.process_time() - begun) / (requests // clients * clients) * 1e6


async def _look(authenticator: Authenticator, written: str) -> None:
    await authenticator.principal(written)


async def _ask(route: ASGIApp, principal: Principal, limiter: Limiter | None = None) -> None:
    arriving: list[Message] = [{"type": "http.request", "body": _BODY}]

    async def receive() -> Message:
        # Whoever waits for the client to leave waits for ever.
        return arriving.pop() if arriving else await asyncio.Future[Message]()

    async def send(message: Message) -> None:
        del message

    headers = [(b"content-length", b"%d" % len(_BODY))]
    scope: Scope = {"type": "http", "method": "POST", "path": PATH, "headers": headers}
    exchange = Exchange(scope, receive, send, limiter)
    exchange.principal = principal
    scope["exchange"] = exchange
    await route(scope, exchange.receive, exchange.send)
    if exchange.status != _OK:
        raise RuntimeError(f"answered {exchange.status}")


def _route(limiter: Limiter | None) -> ChatCompletions:
    fetcher = Fetcher(FetchPolicy())
    attachments = Attachments(ImageLimits(), DocumentLimits(), fetcher, 8)
    return ChatCompletions(
        ChatCodec(Catalogue([_MODEL]), attachments),
        Gateway({"fake": Backend(FakeEngine(), Admission(1000, 1000))}, limiter=limiter),
        Intake(64 * _MEBIBYTE, 1.0),
        ChatLimits(_MEBIBYTE, 60.0),
    )
