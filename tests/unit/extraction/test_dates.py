"""Dates, as documents print them."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readstone.extraction.values.dates import dates, day_first_of


@pytest.mark.parametrize(
    "text",
    [
        "2018-03-12", "2018/3/12 10:22", "2018.03.12", "12.03.2018", "12/03/2018 8:13:39 PM", "12/03/20188:13", "12 / 03 / 2018",
        "12 Mar 2018", "12.MAR.2018", "12MAR2018", "12-Mar-18", "12 Mar '18", "12. März 2018", "12 mars 2018", "12 de marzo de 2018",
        "12 marzo 2018", "12 de Março de 2018", "12 maart 2018", "March 12, 2018", "Mar-12-18", "12th of March, 2018",
        "2018年3月12日", "2018 年 03 月 12 日", "二〇一八年三月十二日", "平成30年3月12日", "H30.3.12", "民國107年3月12日",
        "20180312", "12/O3/2018", "l2/03/2018", "2018-03-12T10:00:00", "Date:12/03/2018",
    ],
)  # fmt: skip
def test_a_day_is_read_in_every_form(text: str) -> None:
    assert [each.value for each in dates(text)] == [date(2018, 3, 12)]


def test_the_first_year_of_an_era_has_a_sign_of_its_own() -> None:
    assert [each.value for each in dates("令和元年5月1日")] == [date(2019, 5, 1)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "31/02/2018",
        "13-14-18",
        "192.168.1.12",
        "FA04/2015/027622",
        "INV20180312",
        "12:30:45",
        "March 2018",
        "1.2.34.5",
    ],
)
def test_what_is_no_day_is_none(text: str) -> None:
    assert dates(text) == ()


def test_both_days_of_a_period_are_found() -> None:
    assert [each.value.day for each in dates("12.03.2018-15.03.2018")] == [12, 15]


@pytest.mark.parametrize(("day_first", "month"), [(None, 4), (True, 4), (False, 3)])
def test_the_document_decides_which_comes_first(day_first: bool | None, month: int) -> None:  # noqa: FBT001
    (found,) = dates("03/04/2018", day_first=day_first)
    assert found.value.month == month
    assert found.other is not None


def test_a_day_beyond_the_months_says_which_comes_first_and_leaves_no_other() -> None:
    (found,) = dates("12/31/2018", day_first=True)
    assert (found.value, found.other) == (date(2018, 12, 31), None)
    assert day_first_of(["12/31/2018", "1/2/2018"]) is False
    assert day_first_of(["31.12.2018"]) is True
    assert day_first_of(["1/2/2018"]) is None


MONTHS = {
    "%d %B %Y": ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"],
    "%d. %B %Y": ["Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"],
    "%d %B  %Y": ["janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"],
    "%d de %B de %Y": ["enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre",
                       "diciembre"],
    "%d/%B/%Y": ["janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto", "setembro", "outubro", "novembro", "dezembro"],
    "%d-%B-%Y": ["gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio", "agosto", "settembre", "ottobre", "novembre",
                 "dicembre"],
}  # fmt: skip
FORMS = ["%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y", "%Y年%m月%d日", *MONTHS]


@given(st.dates(date(1950, 1, 1), date(2049, 12, 31)), st.sampled_from(FORMS))
def test_what_a_locale_writes_is_read_back(day: date, form: str) -> None:
    names = MONTHS.get(form)
    text = day.strftime(form.replace("%B", names[day.month - 1]) if names else form).replace(
        "  ", " "
    )
    found = dates(f"am {text} um", day_first=True)
    assert [each.value for each in found] == [day]


@given(
    st.text(max_size=60) | st.text("0123456789.-/: 年月日元令和RHSMarOl'", max_size=40),
    st.none() | st.booleans(),
)
def test_nothing_raises_and_every_day_stands_where_it_says(
    text: str,
    day_first: bool | None,  # noqa: FBT001
) -> None:
    end = 0
    for each in dates(text, day_first=day_first):
        assert end <= each.start < each.end <= len(text)
        end = each.end
    day_first_of([text])
