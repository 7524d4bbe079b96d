"""Amounts in words: the Chinese capital numerals that stand beside the figures on invoices and statements."""

import re
from decimal import Decimal
from typing import Final

_DIGITS: Final = {
    sign: value
    for value, signs in enumerate(("零〇", "壹一弌", "贰二貳贰两", "叁三參叄", "肆四", "伍五", "陆六陸", "柒七", "捌八", "玖九"))
    for sign in signs
}  # fmt: skip
_TENS: Final = {"拾": 10, "十": 10, "佰": 100, "百": 100, "仟": 1000, "千": 1000}
_MYRIADS: Final = {"万": 10_000, "萬": 10_000, "亿": 100_000_000, "億": 100_000_000}
_PLACES: Final = {"角": Decimal("0.1"), "分": Decimal("0.01"), "厘": Decimal("0.001")}
_WHOLE: Final = re.compile("[元圆圓块]")
_IGNORED: Final = re.compile(r"人民币|大写|合计|[整正\s:：⊗￥¥()（）]")


def said_in_words(text: str) -> Decimal | None:
    """The amount that Chinese numerals say, 壹佰贰拾元伍角整 as 120.5; None where they say none."""
    bare = _IGNORED.sub("", text)
    whole, sign, rest = _WHOLE.sub("元", bare, count=1).partition("元")
    if not sign and whole[-1:] in _PLACES:
        whole, rest = "", whole
    units = _units(whole)
    parts = _parts(rest)
    if units is None or parts is None or not (whole or rest):
        return None
    return units + parts


def _units(text: str) -> Decimal | None:
    total = section = digit = 0
    for sign in text:
        if sign in _DIGITS:
            digit = _DIGITS[sign]
        elif sign in _TENS:
            section += (digit or 1) * _TENS[sign]
            digit = 0
        elif sign in _MYRIADS:
            # 亿 is said after 万 in 一万亿: then it multiplies all that was said.
            section += digit
            scale = _MYRIADS[sign]
            total = (
                (total + section) * scale if total and total < scale else total + section * scale
            )
            section = digit = 0
        else:
            return None
    return Decimal(total + section + digit)


def _parts(text: str) -> Decimal | None:
    found, digit = Decimal(0), 0
    for sign in text:
        if sign in _DIGITS:
            digit = _DIGITS[sign]
        elif sign in _PLACES:
            found += digit * _PLACES[sign]
            digit = 0
        else:
            return None
    return found if digit == 0 else None
