"""Numbers that check themselves: accounts, tax identifiers, resident identity numbers.

Sources: ISO 13616 (IBAN, with the lengths of its registry) · ISO 7064 mod 11,10 (German VAT) · the VAT numbers of the
European Union, Britain and Switzerland by the rules of their tax offices · Luhn's digit of SIREN, SIRET and partita IVA ·
GB 32100-2015 (unified social credit) · GB 11643-1999 (resident identity).
"""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Final

from readstone.extraction.values.plain import plain

_LENGTHS: Final = {
    "AD": 24, "AE": 23, "AT": 20, "BE": 16, "BG": 22, "BR": 29, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "EE": 20,
    "ES": 24, "FI": 18, "FR": 27, "GB": 22, "GI": 23, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IS": 26, "IT": 27,
    "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MT": 31, "NL": 18, "NO": 15, "PL": 28, "PT": 25, "RO": 24, "RS": 22,
    "SA": 24, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "TN": 24, "TR": 26, "UA": 29,
}  # fmt: skip
_IBAN_HEAD: Final = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}[ ]?[0-9]{2}(?=[ ]?[A-Z0-9])")
_CREDIT: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_ID_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_DIGITS: Final = "10X98765432"
_DNI_LETTERS: Final = "TRWAGMYFPDXBNJZSQVHLCKE"
_NOISE: Final = re.compile(r"[\W_]+")
_GAP: Final = "[ .\\-]?"


def ibans(text: str) -> Iterator[tuple[int, int]]:
    """Where IBANs of countries with a known length stand, in groups or in one, whether or not their check digits are right."""
    bare = plain(text)
    for head in _IBAN_HEAD.finditer(bare):
        position, left = head.end(), _LENGTHS.get(head[0][:2], 0) - 4
        while left > 0 and position < len(bare):
            sign = bare[position]
            if not (sign.isascii() and sign.isalnum()) and sign != " ":
                break
            left -= sign != " "
            position += 1
        if left == 0 and not bare[position : position + 1].isalnum():
            yield head.start(), position


def iban_is_right(text: str) -> bool | None:
    """Whether an IBAN's two check digits are right; None where it is none."""
    bare = _bare(text)
    if not re.fullmatch(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", bare):
        return None
    digits = "".join(str(int(character, 36)) for character in bare[4:] + bare[:4])
    return int(digits) % 97 == 1


def tax_ids(text: str) -> Iterator[tuple[int, int]]:
    """Where tax identifiers stand that say of which country they are, whether or not their check digits are right."""
    for match in _PRINTED.finditer(plain(text)):
        yield match.span()


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
    return bare[17] == _ID_DIGITS[_weighed(bare, _ID_WEIGHTS) % 11] and born(text) is not None


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


def _weighed(digits: str, weights: Sequence[int]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))


def _luhn(digits: str) -> bool:
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits))]
    return sum(each - 9 if each > 9 else each for each in doubled) % 10 == 0  # noqa: PLR2004


def _mod_11(weights: Sequence[int], *, ten: int = 10) -> Callable[[str], bool]:
    """The weighed sum with its last digit is a multiple of eleven; `ten` is the digit that stands for ten, if any does."""

    def right(bare: str) -> bool:
        digits = "".join(filter(str.isdecimal, bare))
        check = -_weighed(digits, weights) % 11
        return (ten if check == 10 else check) == int(digits[len(weights)])  # noqa: PLR2004

    return right


def _german(bare: str) -> bool:
    product = 10
    for digit in bare[2:10]:
        rest = (int(digit) + product) % 10 or 10
        product = rest * 2 % 11
    return (11 - product) % 10 == int(bare[10])


def _austrian(bare: str) -> bool:
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(bare[3:10]))
    return (96 - sum(each // 10 + each % 10 for each in doubled)) % 10 == int(bare[10])


def _french(bare: str) -> bool:
    siren = bare[4:]
    return _luhn(siren) and int(bare[2:4]) == (12 + 3 * (int(siren) % 97)) % 97


def _spanish(bare: str) -> bool:
    """A person's number with its letter, a foreigner's with one before it, or a company's with Luhn's digit or a letter."""
    number = bare[2:]
    if number[0] in "ABCDEFGHJNPQRSUVW":
        check = next(digit for digit in range(10) if _luhn(number[1:8] + str(digit)))
        return number[8] in {str(check), "JABCDEFGHI"[check]}
    figures = number[:8].translate(str.maketrans("XYZ", "012"))
    return figures.isdecimal() and number[8] == _DNI_LETTERS[int(figures) % 23]


def _dutch(bare: str) -> bool:
    old = _weighed(bare[2:11], (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0
    return old or int("".join(str(int(sign, 36)) for sign in bare)) % 97 == 1


def _british(bare: str) -> bool:
    total = _weighed(bare[2:11], (8, 7, 6, 5, 4, 3, 2, 10, 1)) % 97
    return total == 0 or (bare[2] != "0" and total in {42, 55})


def _credit_code(bare: str) -> bool:
    weighed = sum(_CREDIT.index(sign) * pow(3, place, 31) for place, sign in enumerate(bare[:17]))
    return bare[17] == _CREDIT[-weighed % 31]


_FORMS: Final[tuple[tuple[str, Callable[[str], bool]], ...]] = (
    (r"DE[1-9][0-9]{8}", _german),
    (r"ATU[0-9]{8}", _austrian),
    (r"BE[01][0-9]{9}", lambda bare: (int(bare[2:10]) + int(bare[10:])) % 97 == 0),
    (r"CHE[0-9]{9}(?:MWST|TVA|IVA|HR)?", _mod_11((5, 4, 3, 2, 7, 6, 5, 4))),
    (r"DK[1-9][0-9]{7}", _mod_11((2, 7, 6, 5, 4, 3, 2))),
    (r"ES[0-9A-Z][0-9]{7}[0-9A-Z]", _spanish),
    (r"FI[0-9]{8}", _mod_11((7, 9, 10, 5, 8, 4, 2))),
    (r"FR[0-9]{11}", _french),
    (r"GB[0-9]{9}(?:[0-9]{3})?", _british),
    (r"IT[0-9]{11}", lambda bare: _luhn(bare[2:])),
    (r"LU[0-9]{8}", lambda bare: int(bare[2:8]) % 89 == int(bare[8:])),
    (r"NL[0-9]{9}B(?!00)[0-9]{2}", _dutch),
    (r"PL[0-9]{10}", lambda bare: _weighed(bare[2:], (6, 5, 7, 2, 3, 4, 5, 6, 7, -1)) % 11 == 0),
    (r"PT[1-9][0-9]{8}", _mod_11((9, 8, 7, 6, 5, 4, 3, 2), ten=0)),
    (r"SE[0-9]{10}01", lambda bare: _luhn(bare[2:12])),
    (rf"[0-9]{{2}}[0-9]{{6}}[{_CREDIT}]{{10}}", _credit_code),
)
"""Forms that say of which country they are, with their rules."""

_PRINTED: Final = re.compile(
    rf"(?<![A-Za-z0-9])(?:(?:AT[ ]?U|BE|DE|DK|EL|ES|FI|FR|GB|IT|LU|NL|PL|PT|SE)[ ]?(?:[0-9A-Z]{_GAP})?(?:[0-9]{_GAP}){{6,11}}"
    rf"(?:[0-9A-Z]|B[0-9]{{2}})|CHE{_GAP}[0-9]{{3}}{_GAP}[0-9]{{3}}{_GAP}[0-9]{{3}}(?: (?:MWST|TVA|IVA))?"
    rf"|[0-9]{{2}}[1-9][0-9]{{5}}[{_CREDIT}]{{10}}|[0-9]{{2,3}}/[0-9]{{3,4}}/[0-9]{{4,5}}|[0-9]{{2}}-[0-9]{{7}})(?![A-Za-z0-9])"
)
