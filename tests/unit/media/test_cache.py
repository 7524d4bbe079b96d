import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from readstone.core.errors import InvalidImage, Overloaded
from readstone.media.cache import FetchCache
from readstone.media.response import Fetched
from readstone.media.url import RemoteURL, parse_url

URL = parse_url("http://images.example/a.png")
OTHER = parse_url("http://images.example/b.png")
LARGE = 1_000_000


class Source:
    """Images that arrive when the test says so; counts what was begun and what was cut short."""

    def __init__(self, data: bytes = b"image", *, may_keep: bool = True) -> None:
        self.begun = 0
        self.cancelled = 0
        self.failure: Exception | None = None
        self.arrives = asyncio.Event()
        self._fetched = Fetched(data, may_keep)

    async def load(self) -> Fetched:
        self.begun += 1
        try:
            await self.arrives.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.failure is not None:
            raise self.failure
        return self._fetched


def at_once(data: bytes) -> Callable[[], Awaitable[Fetched]]:
    async def load() -> Fetched:
        return Fetched(data, may_keep=True)

    return load


async def never() -> Fetched:
    raise AssertionError("fetched again")


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_parallel_requests_for_one_url_fetch_it_once() -> None:
    cache, source = FetchCache(LARGE, 60), Source()
    waiters = [asyncio.create_task(cache.get(URL, source.load)) for _ in range(20)]
    await _settle()
    source.arrives.set()

    answers = await asyncio.gather(*waiters)

    assert source.begun == 1
    assert all(answer is answers[0] for answer in answers)
    assert await cache.get(URL, never) is answers[0]


async def test_one_that_leaves_leaves_the_fetch_to_the_others() -> None:
    cache, source = FetchCache(LARGE, 60), Source()
    first, second = (asyncio.create_task(cache.get(URL, source.load)) for _ in range(2))
    await _settle()

    first.cancel()
    await _settle()
    source.arrives.set()

    assert await second == b"image"
    assert first.cancelled()
    assert (source.begun, source.cancelled) == (1, 0)


async def test_the_last_that_leaves_ends_the_fetch_before_it_is_gone() -> None:
    cache, source = FetchCache(LARGE, 60), Source()
    waiters = [asyncio.create_task(cache.get(URL, source.load)) for _ in range(3)]
    await _settle()

    for waiter in waiters:
        waiter.cancel()
    await asyncio.gather(*waiters, return_exceptions=True)

    assert (source.begun, source.cancelled) == (1, 1)


async def test_who_comes_while_a_fetch_is_given_up_gets_one_of_their_own() -> None:
    ending = asyncio.Event()
    cache = FetchCache(LARGE, 60)

    async def stubborn() -> Fetched:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await ending.wait()
        raise AssertionError

    given_up = asyncio.create_task(cache.get(URL, stubborn))
    await _settle()
    given_up.cancel()
    await _settle()
    source = Source()
    own = asyncio.create_task(cache.get(URL, source.load))
    await _settle()
    ending.set()
    await _settle()
    joined = asyncio.create_task(cache.get(URL, never))
    await _settle()
    source.arrives.set()

    assert await own == await joined == b"image"
    assert given_up.cancelled()


async def test_a_failure_is_told_to_all_who_waited_and_not_kept() -> None:
    cache, source = FetchCache(LARGE, 60), Source()
    source.failure = InvalidImage("no")
    waiters = [asyncio.create_task(cache.get(URL, source.load)) for _ in range(3)]
    await _settle()
    source.arrives.set()

    answers = await asyncio.gather(*waiters, return_exceptions=True)

    assert all(isinstance(answer, InvalidImage) for answer in answers)
    assert await cache.get(URL, at_once(b"second")) == b"second"


async def test_a_failure_that_nobody_waits_for_is_not_logged_as_forgotten(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cache, source = FetchCache(LARGE, 60), Source()
    source.failure = InvalidImage("no")
    waiter = asyncio.create_task(cache.get(URL, source.load))
    await _settle()
    source.arrives.set()
    await asyncio.sleep(0)
    waiter.cancel()
    await asyncio.gather(waiter, return_exceptions=True)
    del waiter

    assert caplog.records == []


async def test_what_a_server_does_not_want_kept_is_fetched_again() -> None:
    cache, source = FetchCache(LARGE, 60), Source(may_keep=False)
    source.arrives.set()

    await cache.get(URL, source.load)
    await cache.get(URL, source.load)

    assert (source.begun, cache.size) == (2, 0)


@pytest.mark.parametrize(("limit", "seconds"), [(0, 60), (LARGE, 0), (100, 60)])
async def test_a_cache_without_room_or_time_keeps_nothing(limit: int, seconds: float) -> None:
    cache, source = FetchCache(limit, seconds), Source()
    source.arrives.set()

    await cache.get(URL, source.load)
    await cache.get(URL, source.load)

    assert (source.begun, cache.size) == (2, 0)


async def test_an_image_is_kept_for_its_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = FetchCache(LARGE, 60)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await cache.get(URL, at_once(b"first"))

    monkeypatch.setattr(loop, "time", lambda: began + 59)
    assert await cache.get(URL, never) == b"first"
    monkeypatch.setattr(loop, "time", lambda: began + 61)
    assert await cache.get(URL, at_once(b"second")) == b"second"


async def test_stopping_ends_every_fetch_and_empties_the_cache() -> None:
    cache, source = FetchCache(LARGE, 60), Source()
    await cache.get(OTHER, at_once(b"kept"))
    waiter = asyncio.create_task(cache.get(URL, source.load))
    await _settle()

    await cache.stop()

    with pytest.raises(Overloaded):
        await waiter
    assert (source.cancelled, cache.size) == (1, 0)


def _url(number: int) -> RemoteURL:
    return parse_url(f"http://images.example/{number}")


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 6000)), max_size=40))
def test_the_cache_never_holds_more_than_its_bytes_and_never_mixes_urls(
    visits: list[tuple[int, int]],
) -> None:
    async def visit() -> None:
        cache = FetchCache(20_000, 60)
        for number, size in visits:
            data = await cache.get(_url(number), at_once(bytes([number]) * (size + 1)))
            assert set(data) == {number}
            assert cache.size <= 20_000

    asyncio.run(visit())


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=20),
    st.sampled_from([None, InvalidImage("no")]),
)
def test_whoever_stays_is_answered_whatever_the_others_do(
    comers: list[tuple[int, bool]], failure: InvalidImage | None
) -> None:
    """Each comer asks for one of three URLs and may leave again; sources answer or fail at the end."""

    async def crowd() -> None:
        cache = FetchCache(LARGE, 60)
        sources = [Source(bytes([number])) for number in range(3)]
        tasks: list[tuple[int, bool, asyncio.Task[bytes]]] = []
        for number, leaves in comers:
            task = asyncio.create_task(cache.get(_url(number), sources[number].load))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            if leaves:
                task.cancel()
            tasks.append((number, leaves, task))
        for source in sources:
            source.failure = failure
            source.arrives.set()
        answers = await asyncio.gather(*(task for *_, task in tasks), return_exceptions=True)
        for (number, leaves, _), answer in zip(tasks, answers, strict=True):
            if leaves:
                assert isinstance(answer, asyncio.CancelledError)
            elif failure is not None:
                assert isinstance(answer, InvalidImage)
            else:
                assert answer == bytes([number])
        await cache.stop()

    asyncio.run(crowd())
