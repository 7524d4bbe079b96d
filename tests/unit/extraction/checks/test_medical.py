from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readstone.core.extraction import Evidence, Field, Group, Schema, Value
from readstone.extraction.checks import run_checks
from readstone.extraction.checks.people import AGE, BIRTH, SEX
from readstone.extraction.checks.results import RESULT
from readstone.extraction.checks.statement import (
    CATEGORIES,
    CATEGORY,
    DAYS,
    DETAIL,
    PAID_BY,
    STAY,
    WORDS,
)
from readstone.extraction.checks.words import said_in_words
from unit.extraction.checks.papers import checked, failed, statuses
from unit.extraction.llm.scripted import page

CARD: dict[str, Any] = {
    "姓名": "张三",
    "性别": "女",
    "年龄": "74岁",
    "身份证号": "11010519491231002X",
    "出生日期": "1949年12月31日",
    "入院日期": "2024年3月1日",
    "出院日期": "2024年3月8日",
}


def medical(paper: dict[str, Any]) -> dict[str, list[str]]:
    return statuses(checked(paper, "medical"))


def test_papers_that_agree_pass() -> None:
    found = checked(CARD, "medical")

    assert not failed(found)
    told = statuses(found)
    assert (told[AGE], told[BIRTH], told[SEX]) == (["pass"], ["pass"], ["pass"])


@pytest.mark.parametrize(
    ("key", "said", "rule"),
    [
        ("年龄", "75岁", AGE),
        ("出生日期", "1949年12月30日", BIRTH),
        ("性别", "男", SEX),
        ("身份证号", "11010419491231002X", "resident identity number check digit"),
        ("出院日期", "2024年2月8日", "admission_date ≤ discharge_date"),
    ],
)
def test_a_paper_that_disagrees_fails_its_rule(key: str, said: str, rule: str) -> None:
    assert failed(checked({**CARD, key: said}, "medical")) == {rule}


@pytest.mark.parametrize("missing", list(CARD))
def test_nothing_is_said_of_what_a_paper_does_not_print(missing: str) -> None:
    assert not failed(checked({**CARD, missing: None}, "medical"))


def test_the_general_scene_knows_no_patients() -> None:
    assert AGE not in statuses(checked(CARD))


@pytest.mark.parametrize(("other", "status"), [("张 三", "pass"), ("张四", "fail")])
def test_the_patient_is_the_same_in_every_part(other: str, status: str) -> None:
    paper = {"病历": {"姓名": "张三"}, "处方": {"姓名": other}}

    assert medical(paper)["patient name is the same everywhere"] == [status]


@pytest.mark.parametrize(("other", "status"), [("张三", "pass"), ("张四", "fail")])
def test_a_page_that_names_another_patient_fails_though_the_schema_asks_once(
    other: str, status: str
) -> None:
    pages = [page("姓名：张三 性别：男"), page("处方", f"姓名： {other} 性别：男 医师：李五")]

    found = statuses(checked({"姓名": "张三", "性别": "男"}, "medical", pages))

    assert found["patient name is the same everywhere"] == [status]
    assert found["sex is the same everywhere"] == ["pass"]


def test_what_is_printed_once_is_not_held_against_itself() -> None:
    only = page("性别： 男")
    (_, word) = only.lines[0].words
    found = Value(("性别",), "男", Evidence(0, word.box, (word,)), "exact", 0.9, 0.9)

    assert run_checks("medical", Schema(Group((("性别", Field("性别")),))), [found], [only]) == ()


def statement(prices: list[int]) -> dict[str, Any]:
    half = len(prices) // 2 or 1
    parts = {"西药费": prices[:half], "检查费": prices[half:]}
    return {
        "明细": [
            {"项目名称": f"{kind}{number}", "费用类别": kind, "金额": f"{price}.00"}
            for kind, each in parts.items()
            for number, price in enumerate(each)
        ],
        "分类": [
            {"费用类别": kind, "金额": f"{sum(each)}.00"} for kind, each in parts.items() if each
        ],
        "合计": f"{sum(prices)}.00",
        "统筹支付": f"{sum(prices) - 1}.50",
        "个人自付": "0.50",
    }


@given(st.lists(st.integers(2, 9999), min_size=2, max_size=8))
def test_a_statement_that_adds_up_passes(prices: list[int]) -> None:
    found = medical(statement(prices))

    assert found[DETAIL] == found[CATEGORIES] == found[PAID_BY] == ["pass"]
    assert set(found[CATEGORY]) == {"pass"}


@given(st.lists(st.integers(2, 9999), min_size=2, max_size=8), st.integers(0, 7))
def test_one_other_price_in_the_detail_list_fails(prices: list[int], which: int) -> None:
    paper = statement(prices)
    place = which % len(prices)
    paper["明细"][place]["金额"] = f"{prices[place] + 1}.00"

    assert {DETAIL, CATEGORY} <= failed(checked(paper, "medical"))
    assert not {CATEGORIES, PAID_BY} & failed(checked(paper, "medical"))


def test_fund_and_patient_pay_the_total() -> None:
    assert medical({"合计": "100.00", "统筹支付": "80.00", "个人自付": "30.00"})[PAID_BY] == [
        "fail"
    ]
    assert medical({"合计": "100.00", "统筹支付": "80.00", "个人自付": None})[PAID_BY] == [
        "not_printed"
    ]


@pytest.mark.parametrize(
    ("words", "amount"),
    [
        ("壹佰贰拾叁元肆角伍分", "123.45"),
        ("人民币（大写）：壹万零伍拾元整", "10050"),
        ("叁仟圆整", "3000"),
        ("拾伍元整", "15"),
        ("贰亿零叁万元整", "200030000"),
        ("伍角", "0.5"),
        ("零元整", "0"),
        ("一百二十元", "120"),
    ],
)
def test_amounts_in_words_are_read(words: str, amount: str) -> None:
    assert said_in_words(words) == Decimal(amount)


@pytest.mark.parametrize("text", ["", "元", "一百 apples", "123.00", "壹元贰"])
def test_what_is_no_amount_in_words_is_none(text: str) -> None:
    assert (
        said_in_words(text) in {None, Decimal(0)} if text == "元" else said_in_words(text) is None
    )


def in_words(cents: int) -> str:
    signs = "零壹贰叁肆伍陆柒捌玖"
    whole, text, zero = str(cents // 100), "", False
    for place, digit in enumerate(map(int, whole)):
        rest = len(whole) - place - 1
        if digit:
            text += ("零" if zero else "") + signs[digit] + ["", "拾", "佰", "仟"][rest % 4]
            zero = False
        else:
            zero = bool(text)
        if rest == 4 and any(int(each) for each in whole[:-4][-4:]):
            text += "万"
    tenths, hundredths = cents // 10 % 10, cents % 10
    text = f"{text}元" if cents >= 100 else ""
    text += f"{signs[tenths]}角" if tenths else ""
    return text + (f"{signs[hundredths]}分" if hundredths else "整")


@given(st.integers(1, 9_999_999_99))
def test_every_amount_in_words_is_that_amount(cents: int) -> None:
    assert said_in_words(in_words(cents)) == Decimal(cents) / 100


@pytest.mark.parametrize(
    ("figures", "status"), [("¥123.45", "pass"), ("¥123.46", "fail"), (None, "not_printed")]
)
def test_the_words_say_the_figures(figures: str | None, status: str) -> None:
    paper = {"金额大写": "壹佰贰拾叁元肆角伍分", "合计": figures}

    assert statuses(checked(paper))[WORDS] == [status]


@pytest.mark.parametrize(
    ("result", "limits", "flag", "status"),
    [
        ("5.9", "3.5-5.5", "↑", "pass"),
        ("5.9", "3.5-5.5", "↓", "fail"),
        ("5.9", "3.5-5.5", None, "fail"),
        ("4.9", "3.5-5.5", None, "pass"),
        ("4.9", "3.5~5.5", "H", "fail"),
        ("3.1", "3.5 - 5.5", "L", "pass"),
        ("5.9↑", "3.5-5.5", None, "pass"),
        ("0.4", "<0.5", None, "pass"),
        ("0.5", "<0.5", None, "fail"),
        ("0.5", "≤0.5", None, "pass"),
        ("12", ">=10", None, "pass"),
        ("-1.5", "-2.0-2.0", None, "pass"),
        ("阴性", "阴性", None, "not_printed"),
        ("5.9", None, "↑", "not_printed"),
    ],
)
def test_a_result_lies_where_its_mark_says(
    result: str, limits: str | None, flag: str | None, status: str
) -> None:
    other = {"检验项目": "钾", "结果": "9.0", "参考范围": "1-2", "提示": "↑"}
    row = {"检验项目": "钠", "结果": result, "参考范围": limits, "提示": flag}

    assert medical({"results": [other, row]})[RESULT] == ["pass", status]


def test_a_report_without_any_marks_says_nothing_of_what_is_out_of_range() -> None:
    rows = [
        {"检验项目": "钾", "结果": "9.0", "参考范围": "1-2", "提示": None},
        {"检验项目": "钠", "结果": "1.5", "参考范围": "1-2", "提示": None},
    ]

    assert medical({"results": rows})[RESULT] == ["not_printed", "pass"]


@pytest.mark.parametrize(
    ("day", "status"), [("2024-03-05", "pass"), ("2024-03-09", "fail"), ("2024-02-28", "fail")]
)
def test_visits_are_within_the_stay(day: str, status: str) -> None:
    paper = {"admission_date": "2024-03-01", "discharge_date": "2024-03-08", "visit_date": day}

    assert medical(paper)[STAY] == [status]


@pytest.mark.parametrize(("days", "status"), [("7", "pass"), ("8天", "pass"), ("9", "fail")])
def test_a_stay_is_as_long_as_it_is_said_to_be(days: str, status: str) -> None:
    paper = {"入院日期": "2024-03-01", "出院日期": "2024-03-08", "住院天数": days}

    assert medical(paper)[DAYS] == [status]


@pytest.mark.parametrize(("figures", "status"), [("1.234,50", "pass"), ("1.243,50", "fail")])
def test_european_words_are_the_figures_or_not(figures: str, status: str) -> None:
    words = "eintausendzweihundertvierunddreißig Euro und 50/100"
    paper = {"Amount in words": words, "Gesamtbetrag": figures}
    assert statuses(checked(paper))["amount in words = amount in figures"] == [status]
