"""Pages are scored by their words, and by their characters with lines in the order of the truth and in any."""

import random

from benchmarks.reader.score import score

LINES = (
    "Invoice number 4711",
    "Billing address: 711 Third Avenue",
    "12 hours of work 1,200.00",
    "Total amount due 1,428.00",
    "Thank you",
)
TRUTH = "\n".join(LINES)


def test_the_order_of_lines_is_no_error_where_any_will_do() -> None:
    for seed in range(10):
        lines = list(LINES)
        random.Random(seed).shuffle(lines)
        assert score(TRUTH, "\n".join(lines)).free_edits == 0
    assert score(TRUTH, "\n".join(reversed(LINES))).edits > 20


def test_where_lines_are_parted_is_no_error() -> None:
    assert score(TRUTH, " ".join(LINES)).free_edits == 0
    assert score(TRUTH, TRUTH.replace(" ", "\n")).free_edits == 0
    columns = "12 hours of work\n1,200.00\nTotal amount due\n1,428.00"
    assert score("\n".join(LINES[2:4]), columns).free_edits == 0


def test_a_wrong_letter_counts_once_wherever_its_line_stands() -> None:
    wrong = "\n".join(reversed(LINES)).replace("Avenue", "Avemue").replace("4711", "4771")
    assert score(TRUTH, wrong).free_edits == 2


def test_a_lost_space_counts() -> None:
    assert score(TRUTH, TRUTH.replace("Thank you", "Thankyou")).free_edits == 1


def test_what_is_missing_and_what_is_spare_count_with_all_their_characters() -> None:
    missing = score(TRUTH, "\n".join(LINES[1:]))
    assert (missing.free_edits, missing.spare) == (len(LINES[0]), 0)
    more = score(TRUTH, TRUTH + "\nlogo")
    assert (more.free_edits, more.spare) == (0, 4)
    assert (more.free_cer, more.true_cer) == (4 / more.characters, 0)
    assert score(TRUTH, "").free_edits == sum(map(len, LINES))


def test_what_is_read_once_makes_up_for_one_line_only() -> None:
    assert score("0.00\n0.00\n0.00", "0.00").free_edits == 8
    assert score("0.00", "0.00\n0.00").spare == 4


def test_letters_within_a_word_make_up_for_no_stray_one() -> None:
    one = score("a", "Total")
    assert (one.free_edits, one.spare) == (1, 5)


def test_characters_of_chinese_are_words() -> None:
    assert score("上海市\n北京市", "北京市上海市").free_edits == 0
