"""How currencies are marked beside an amount: codes, signs and short names."""

import re
from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_CODES: Final = _words(
    "EUR USD GBP CHF CNY JPY MYR SGD HKD TWD KRW INR IDR THB VND PHP AUD NZD CAD MXN BRL ARS CLP COP PEN ZAR SEK NOK "
    "DKK ISK PLN CZK HUF RON BGN HRK RUB UAH TRY ILS AED SAR QAR KWD EGP MAD TND DZD NGN KES PKR BDT LKR XOF XAF"
)
_SIGNS: Final = {
    "US$": "USD", "HK$": "HKD", "NT$": "TWD", "S$": "SGD", "A$": "AUD", "C$": "CAD", "R$": "BRL", "$": "USD",
    "\u20ac": "EUR", "\u00a3": "GBP", "\u20b9": "INR", "\u20a9": "KRW", "\u20bd": "RUB", "\u0e3f": "THB", "\u20ab": "VND",
    "\u20ba": "TRY", "\u20aa": "ILS", "\u20b1": "PHP", "RM": "MYR", "RMB": "CNY", "Rs": "INR", "Rp": "IDR",
    "Fr": "CHF", "SFr": "CHF", "Euro": "EUR", "Euros": "EUR", "euro": "EUR", "euros": "EUR", "z\u0142": "PLN", "K\u010d": "CZK", "Ft": "HUF",
    "\u5143": "CNY", "\u5706": "CNY", "\u4eba\u6c11\u5e01": "CNY", "\u5186": "JPY",
}  # fmt: skip
_UNSAID: Final = ("\u00a5", "kr", "Kr")
"""Marks that several currencies share: the yuan and the yen, the crowns of the north."""
CURRENCY: Final = "|".join(
    sorted(map(re.escape, {*_CODES, *_SIGNS, *_UNSAID}), key=lambda mark: (-len(mark), mark))
)
"""A pattern of every mark, the longest first."""


def currency_of(mark: str) -> str | None:
    """The ISO 4217 code that a mark says, the dollar's being the US one; None where several share it."""
    return mark if mark in _CODES else _SIGNS.get(mark)
