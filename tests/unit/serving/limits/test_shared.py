"""Counters in shared memory: several processes, some of which are killed."""

import mmap
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from readstone.serving.limits.counters import Charge, CountersFailed, Refused, Taken
from readstone.serving.limits.rules import Lease, Rule, Sliding
from readstone.serving.limits.shared import SharedCounters, make_memory

REQUESTS = Rule("alice", None, "requests", 1000, Sliding(60), "readstone:{alice}:requests")
RUNNING = Rule("alice", None, "running", 5, Lease(600), "readstone:{alice}:running")
_COUNT = """
import asyncio, sys
from readstone.serving.limits.counters import Charge, Taken
from readstone.serving.limits.rules import Rule, Sliding
from readstone.serving.limits.shared import SharedCounters
rule = Rule("alice", None, "requests", 1000, Sliding(60), "readstone:{alice}:requests")
counters = SharedCounters(int(sys.argv[1]), int(sys.argv[2]))
async def count():
    passed = 0
    while isinstance(await counters.take([Charge(rule, 1)]), Taken):
        passed += 1
        if passed % 10 == 0:
            print(passed, flush=True)
    print(passed, flush=True)
print("0", flush=True)
sys.stdin.readline()
asyncio.run(count())
"""


@pytest.fixture
def memory() -> Iterator[int]:
    descriptor = make_memory(slots=64)
    yield descriptor
    os.close(descriptor)


def _started(memory: int, number: int) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", _COUNT, str(memory), str(number)],
        pass_fds=[memory],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "0\n"
    return process


async def test_of_four_processes_requests_exactly_as_many_pass_as_may(memory: int) -> None:
    processes = [_started(memory, number) for number in range(4)]
    for process in processes:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()

    passed = [int(process.communicate()[0].split()[-1]) for process in processes]

    assert sum(passed) == 1000
    counters = SharedCounters(memory, 0)
    assert isinstance(await counters.take([Charge(REQUESTS, 1)]), Refused)
    await counters.close()


async def test_a_process_that_is_killed_while_it_counts_stops_no_other(memory: int) -> None:
    victim, other = _started(memory, 0), _started(memory, 1)
    for process in (victim, other):
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    assert victim.stdout
    for line in victim.stdout:
        if int(line) >= 50:
            break
    victim.send_signal(signal.SIGKILL)
    told = [int(line) for line in victim.communicate()[0].split()]

    passed = int(other.communicate()[0].split()[-1])

    assert passed <= 1000 - max([50, *told])
    counters = SharedCounters(memory, 0)
    assert isinstance(outcome := await counters.take([Charge(REQUESTS, 1)]), Refused)
    assert outcome.levels[0].used == 1000
    await counters.close()


async def test_what_a_charge_left_half_made_is_summed_up_again(memory: int) -> None:
    counters, other = SharedCounters(memory, 0), SharedCounters(memory, 1)
    await counters.take([Charge(REQUESTS, 7)])
    # As if its process had ended between a cell and the sum, at the first slot that is used.
    mapped = mmap.mmap(memory, 0)
    words = memoryview(mapped).cast("q")
    (total,) = (index for index in range(8 + 64 * 4, len(words), 132) if words[index] == 7)
    words[total] = 3
    words[1] = 1
    words.release()
    mapped.close()

    outcome = await other.take([Charge(REQUESTS, 0)])

    assert isinstance(outcome, Taken)
    assert outcome.levels[0].used == 7
    await counters.close()
    await other.close()


async def test_what_ran_in_a_process_that_ended_runs_no_more(memory: int) -> None:
    ended, other = SharedCounters(memory, 3), SharedCounters(memory, 4)
    for _ in range(3):
        await ended.take([Charge(RUNNING, 1)])
    await other.take([Charge(RUNNING, 2)])
    assert isinstance(await other.take([Charge(RUNNING, 1)]), Refused)

    other.release(3)

    outcome = await other.take([Charge(RUNNING, 3)])
    assert isinstance(outcome, Taken)
    assert outcome.levels[0].used == 5
    other.release(3)
    assert isinstance(await other.take([Charge(RUNNING, 1)]), Refused)
    await ended.close()
    await other.close()


async def test_where_there_is_no_room_for_a_counter_nothing_is_let_in_for_it() -> None:
    descriptor = make_memory(slots=2)
    counters = SharedCounters(descriptor, 0)
    rules = [Rule(name, None, "requests", 9, Sliding(60), name) for name in ("a", "b", "c")]
    for rule in rules[:2]:
        assert isinstance(await counters.take([Charge(rule, 1)]), Taken)

    with pytest.raises(CountersFailed):
        await counters.take([Charge(rules[2], 1)])

    assert isinstance(await counters.take([Charge(rules[0], 1)]), Taken)
    await counters.close()
    os.close(descriptor)
