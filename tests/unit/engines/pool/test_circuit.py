import logging

import pytest

from readstone.engines.pool.circuit import Circuit, CircuitRules
from unit.engines.pool.bench import Hand

RULES = CircuitRules(failures=3, window=10, rate=0.5, first_rest=2.0, longest_rest=10.0)


def circuit(hand: Hand) -> Circuit:
    pace = hand.pace
    return Circuit("pool/a", RULES, pace.clock, pace.chance)


def fail(subject: Circuit, times: int = 1) -> None:
    for _ in range(times):
        subject.failed(subject.enter())


def test_it_is_closed_at_first() -> None:
    subject = circuit(Hand())

    assert (subject.is_closed, subject.admits, subject.rest) == (True, True, 0.0)


def test_it_opens_after_that_many_failures_in_a_row() -> None:
    subject = circuit(Hand())

    fail(subject, 2)
    assert subject.admits
    fail(subject)

    assert not subject.admits
    assert subject.rest == 2.0


def test_a_success_between_failures_keeps_it_closed() -> None:
    subject = circuit(Hand())

    for _ in range(2):
        fail(subject, 2)
        subject.succeeded(subject.enter())

    assert subject.is_closed


def test_it_opens_where_too_many_of_the_last_requests_failed() -> None:
    subject = circuit(Hand())

    for _ in range(4):
        subject.succeeded(subject.enter())
        fail(subject)
    assert subject.is_closed  # too few requests to judge by
    subject.succeeded(subject.enter())
    fail(subject)

    assert not subject.is_closed


def test_what_was_abandoned_counts_neither_way() -> None:
    subject = circuit(Hand())

    fail(subject, 2)
    subject.abandoned(subject.enter())
    fail(subject)

    assert not subject.is_closed


def test_one_request_passes_as_a_probe_when_the_rest_is_over() -> None:
    hand = Hand()
    subject = circuit(hand)
    fail(subject, 3)

    hand.now += 1.99
    assert not subject.admits
    hand.now += 0.01
    assert subject.admits
    subject.enter()

    assert not subject.admits


def test_a_probe_that_is_answered_lets_others_pass() -> None:
    hand = Hand()
    subject = circuit(hand)
    fail(subject, 3)
    hand.now += 2

    subject.answered(subject.enter())

    assert subject.is_closed


def test_one_failure_is_enough_after_a_probe_until_a_request_has_ended_well() -> None:
    hand = Hand()
    subject = circuit(hand)
    fail(subject, 3)
    hand.now += 2
    probe = subject.enter()
    subject.answered(probe)

    subject.failed(probe)

    assert subject.rest == 4.0


def test_a_probe_that_ended_well_makes_up_for_everything() -> None:
    hand = Hand()
    subject = circuit(hand)
    fail(subject, 3)
    hand.now += 2

    subject.succeeded(subject.enter())
    fail(subject, 2)
    assert subject.is_closed
    fail(subject)

    assert subject.rest == 2.0


def test_a_probe_that_is_abandoned_leaves_its_turn_to_another() -> None:
    hand = Hand()
    subject = circuit(hand)
    fail(subject, 3)
    hand.now += 2

    subject.abandoned(subject.enter())

    assert subject.admits
    assert not subject.is_closed


def test_the_rest_doubles_with_each_failed_probe_up_to_the_longest() -> None:
    hand = Hand()
    subject = circuit(hand)
    fail(subject, 3)
    rests = [subject.rest]

    for _ in range(4):
        hand.now += subject.rest
        fail(subject)
        rests.append(subject.rest)

    assert rests == [2.0, 4.0, 8.0, 10.0, 10.0]


def test_it_may_fail_for_years() -> None:
    hand = Hand()
    subject = circuit(hand)
    fail(subject, 3)

    for _ in range(2000):
        hand.now += subject.rest
        fail(subject)

    assert subject.rest == 10.0


@pytest.mark.parametrize(("chance", "rest"), [(0.0, 1.0), (0.5, 1.5), (1.0, 2.0)])
def test_up_to_half_of_a_rest_is_left_to_chance(chance: float, rest: float) -> None:
    subject = circuit(Hand(chance))

    fail(subject, 3)

    assert subject.rest == rest


def test_what_was_sent_before_it_opened_says_nothing_about_later() -> None:
    hand = Hand()
    subject = circuit(hand)
    early = [subject.enter() for _ in range(4)]
    fail(subject, 3)

    subject.succeeded(early[0])
    subject.answered(early[1])
    assert not subject.is_closed
    subject.failed(early[2])
    assert subject.rest == 2.0
    hand.now += 2
    subject.enter()
    subject.abandoned(early[3])

    assert not subject.admits  # the probe is still under way


def test_opening_and_closing_are_told_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "readstone")
    hand = Hand()
    subject = circuit(hand)
    tickets = [subject.enter() for _ in range(5)]

    for ticket in tickets:
        subject.failed(ticket)
    hand.now += 2
    subject.succeeded(subject.enter())
    subject.succeeded(subject.enter())

    assert caplog.messages == ["engine circuit opened", "engine circuit closed"]
