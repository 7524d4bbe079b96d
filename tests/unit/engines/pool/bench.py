"""A pool of fakes whose time and chance the test has in its hand."""

from collections.abc import Sequence
from contextlib import aclosing

from readstone.core.chat import ChatEvent, ChatRequest, Message, TextPart
from readstone.engines.fake import FakeEngine
from readstone.engines.pool.lane import Member
from readstone.engines.pool.pool import Pace, Pool, PoolRules
from readstone.serving.catalogue import EMBEDDED

REQUEST = ChatRequest(
    id="req_1",
    key_id="tester",
    model=EMBEDDED,
    model_name=EMBEDDED.id,
    messages=(Message("user", (TextPart("Hi"),)),),
    max_tokens=100,
    temperature=0.0,
    top_p=1.0,
    arrived=0.0,
)


class Hand:
    """Time that moves when it is told to, and when somebody sleeps; chance that is always the same."""

    def __init__(self, chance: float = 1.0) -> None:
        self.now = 1000.0
        self.chance = chance
        self.slept: list[float] = []

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    @property
    def pace(self) -> Pace:
        """What a pool takes."""
        return Pace(clock=lambda: self.now, chance=lambda: self.chance, sleep=self._sleep)


def fakes(count: int) -> list[FakeEngine]:
    """Engines that are ready, named a, b, c and so on."""
    engines = [FakeEngine(name=chr(ord("a") + index)) for index in range(count)]
    for engine in engines:
        engine.become("ready")
    return engines


def pool_of(
    engines: Sequence[FakeEngine],
    hand: Hand | None = None,
    rules: PoolRules | None = None,
    concurrency: int = 4,
) -> Pool:
    """A pool of these."""
    members = [Member(engine, concurrency) for engine in engines]
    return Pool("pool", members, rules, (hand or Hand()).pace)


async def ask(pool: Pool) -> list[ChatEvent]:
    """Everything that answers one request."""
    async with aclosing(pool.chat(REQUEST)) as events:
        return [event async for event in events]


def asked(engines: Sequence[FakeEngine]) -> list[int]:
    """How many requests each engine has begun."""
    return [len(engine.requests) for engine in engines]
