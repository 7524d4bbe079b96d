import re

from readstone.api.ids import Ids, new_id


def test_no_two_ids_are_the_same() -> None:
    ids = Ids()

    assert len({ids.new() for _ in range(2000)}) == 2000


def test_an_id_says_when_and_nothing_else_that_could_be_guessed() -> None:
    ids = Ids()

    for written in (ids.new(), ids.new(), new_id()):
        assert re.fullmatch(r"req_[0-9a-f]{32}", written)
    assert ids.new()[:10] <= Ids().new()[:10]
