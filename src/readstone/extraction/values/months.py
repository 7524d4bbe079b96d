"""The names of months, whole and short, in seven languages, without accents."""

import unicodedata
from typing import Final

_NAMES: Final = (
    "january jan januar janner jaenner jan janvier janv enero ene gennaio gen janeiro januari",
    "february feb februar februari feber fevrier fevr fev febrero febbraio fevereiro",
    "march mar maerz marz mrz mars marzo marco maart mrt",
    "april apr avril avr abril abr aprile",
    "may mai mayo maggio mag maio mei",
    "june jun juni juin junio giugno giu junho",
    "july jul juli juil juillet julio luglio lug julho",
    "august aug aout agosto ago augustus",
    "september sep sept septembre septiembre settembre set setembro",
    "october oct oktober okt octobre octubre ottobre ott outubro out",
    "november nov novembre noviembre novembro",
    "december dec dezember dez decembre diciembre dic dicembre dezembro",
)
_NUMBERS: Final = {name: number for number, names in enumerate(_NAMES, 1) for name in names.split()}
_LETTERS: Final = str.maketrans("015", "ols")
MONTH: Final = r"[0A-Za-z\u00c0-\u024f][A-Za-z\u00c0-\u024f01]{2,10}"
"""A pattern of what may be a month's name; `month_of` tells."""


def month_of(name: str) -> int | None:
    """The month, 1 to 12, that a name says, zeros read as the letter; None if it is no month's."""
    bare = unicodedata.normalize("NFKD", name.lower()).encode("ascii", "ignore").decode()
    return _NUMBERS.get(bare) or _NUMBERS.get(bare.translate(_LETTERS))
