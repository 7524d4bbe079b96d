"""Rules of check digits: accounts, tax identifiers, resident identity numbers.

Sources: ISO 13616 (IBAN) · ISO 7064 mod 11,10 (German VAT) · the French VAT key and the Luhn digit of SIREN and SIRET ·
the Luhn digit of the Italian partita IVA · GB 32100-2015 (unified social credit) · GB 11643-1999 (resident identity).
"""

import re
from collections.abc import Callable, Iterator
from datetime import date
from typing import Final

from readstone.core.extraction import Check
from readstone.extraction.checks.facts import Facts
from readstone.extraction.checks.verdict import held, unprinted

IBAN: Final = "IBAN check digits"
TAX_ID: Final = "tax identifier check digit"
RESIDENT_ID: Final = "resident identity number check digit"

_TAX_IDS: Final = ("tax_id", "seller_tax_id", "buyer_tax_id")
_CREDIT: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_ID_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_DIGITS: Final = "10X98765432"
_NOISE: Final = re.compile(r"[\W_]+")


def digit_checks(facts: Facts) -> Iterator[Check]:
    """One for each such number that is printed in a form whose check digit is known; of other forms nothing is said."""
    for name, concepts, right in (
        (IBAN, ("iban",), iban_is_right),
        (TAX_ID, _TAX_IDS, tax_id_is_right),
        (RESIDENT_ID, ("id_number",), resident_id_is_right),
    ):
        found = facts.all(*concepts)
        if facts.asked(*concepts) and not found:
            yield unprinted(name)
        for fact in found:
            verdict = right(fact.text)
            if verdict is not None:
                yield held(name, fact.text, None, [fact], true=verdict)


def iban_is_right(text: str) -> bool | None:
    """Whether an IBAN's two check digits are right; None where it is none."""
    bare = _bare(text)
    if not re.fullmatch(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", bare):
        return None
    digits = "".join(str(int(character, 36)) for character in bare[4:] + bare[:4])
    return int(digits) % 97 == 1


def tax_id_is_right(text: str) -> bool | None:
    """Whether the check digit of a tax identifier is right; None where its form has none that is known."""
    bare = _bare(text)
    for form, right in _FORMS:
        if re.fullmatch(form, bare):
            return right(bare)
    return None


def resident_id_is_right(text: str) -> bool | None:
    """Whether the last sign of a resident identity number is right; None where it is no such number."""
    bare = _bare(text)
    if not re.fullmatch(r"[1-9][0-9]{16}[0-9X]", bare):
        return None
    weighed = sum(int(digit) * weight for digit, weight in zip(bare[:17], _ID_WEIGHTS, strict=True))
    return bare[17] == _ID_DIGITS[weighed % 11] and born(text) is not None


def born(text: str) -> date | None:
    """The day of birth within a resident identity number."""
    try:
        return date.fromisoformat(_bare(text)[6:14])
    except ValueError:
        return None


def is_male(text: str) -> bool:
    """The sex within a resident identity number."""
    return int(_bare(text)[16]) % 2 == 1


def _bare(text: str) -> str:
    return _NOISE.sub("", text).upper()


def _luhn(digits: str) -> bool:
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits))]
    return sum(each - 9 if each > 9 else each for each in doubled) % 10 == 0  # noqa: PLR2004


def _german(bare: str) -> bool:
    product = 10
    for digit in bare[2:10]:
        rest = (int(digit) + product) % 10 or 10
        product = rest * 2 % 11
    return (11 - product) % 10 == int(bare[10])


def _french(bare: str) -> bool:
    siren = bare[4:]
    return _luhn(siren) and int(bare[2:4]) == (12 + 3 * (int(siren) % 97)) % 97


def _credit_code(bare: str) -> bool:
    weighed = sum(_CREDIT.index(sign) * pow(3, place, 31) for place, sign in enumerate(bare[:17]))
    return bare[17] == _CREDIT[-weighed % 31]


_FORMS: Final[tuple[tuple[str, Callable[[str], bool]], ...]] = (
    (r"DE[0-9]{9}", _german),
    (r"FR[0-9]{11}", _french),
    (r"IT[0-9]{11}", lambda bare: _luhn(bare[2:])),
    (rf"[0-9]{{2}}[0-9]{{6}}[{_CREDIT}]{{10}}", _credit_code),
)
"""Forms that say of which country they are, with their rules."""
