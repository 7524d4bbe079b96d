"""Amounts in words, as cheques and invoices write them in English, German, French, Spanish, Italian and Portuguese."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Final

_HUNDRED: Final = 100
_MOST: Final = 1_000
"""Characters of a text that is looked at."""
_FRACTION: Final = re.compile(r"(\d{1,2}|no|xx)\s*/\s*100")
_MAJOR: Final = re.compile(
    r"\b(?:euros?|eur|dollars?|usd|pounds?(?: sterling)?|gbp|francs?|franken|chf|mark|ringgit|rupees?|pesos?|reais|real|yen|lire|lira)\b"
)
_MINOR: Final = re.compile(
    r"\b(?:cents?|centimes?|rappen|pence|penny|pfennig|centimos?|centavos?|centesim[io]|sen|paise)\b"
)
_IDLE: Final = re.compile(
    r"\b(?:only|exactly|in words?|amount|sum|total|say|the|in worten|betrag|genau|somme|montant|arretee?|a la somme de|la presente facture|"
    r"son|en letras|importe|total en letras|in lettere|diconsi|por extenso|quantia de|de)\b|[^a-z/\d\s]"
)


@dataclass(frozen=True)
class _Speech:
    """A language's number words, folded and without spaces: what each adds, and what the larger ones multiply.

    `joins` are its words for "and".
    """

    adds: Mapping[str, int]
    times: Mapping[str, int]
    joins: frozenset[str]

    @cached_property
    def words(self) -> tuple[str, ...]:
        """All of them, the longest first."""
        return tuple(sorted({*self.adds, *self.times, *self.joins}, key=len, reverse=True))

    def parted(self, letters: str) -> list[str] | None:
        """The words that the letters are one after another, the longest where they can be parted otherwise; None for others."""
        word_at: dict[int, str] = {}
        for start in range(len(letters) - 1, -1, -1):
            for word in self.words:
                end = start + len(word)
                if letters.startswith(word, start) and (end == len(letters) or end in word_at):
                    word_at[start] = word
                    break
        found: list[str] = []
        position = 0
        while position < len(letters):
            if position not in word_at:
                return None
            found.append(word_at[position])
            position += len(found[-1])
        return found


def spoken_amount(text: str) -> Decimal | None:
    """The amount that a text says in words, cents too; None where it says none, or languages differ on it."""
    bare = unicodedata.normalize("NFKD", text[:_MOST].casefold().replace("\u00df", "ss"))
    folded = "".join(sign for sign in bare if not unicodedata.combining(sign))
    fraction = _FRACTION.search(folded)
    said = _FRACTION.sub(" ", folded)
    found = {each for speech in _SPEECHES if (each := _amount(said, speech)) is not None}
    if len(found) != 1:
        return None
    cents = int(fraction[1]) if fraction and fraction[1].isdecimal() else 0
    return found.pop() + Decimal(cents) / _HUNDRED


def _amount(said: str, speech: _Speech) -> Decimal | None:
    """Whole and hundredths: what stands before the name of the money, and behind it before that of its parts."""
    whole, *rest = _MAJOR.split(said, maxsplit=1)
    behind = " ".join(rest)
    if not rest and _MINOR.search(said) and not set(_MINOR.findall(said)) & set(speech.times):
        whole, behind = "", said
    units = _number(whole, speech)
    parts = _number(_MINOR.sub(" ", behind), speech) if behind.strip() else 0
    if units is None or parts is None or (units == 0 and not whole.strip() and not parts):
        return None
    return Decimal(units) + Decimal(parts) / _HUNDRED if parts < _HUNDRED else None


def _number(said: str, speech: _Speech) -> int | None:
    """What number words say: each thousand or million multiplies what stands before it, each hundred what is open."""
    words = speech.parted("".join(_IDLE.sub(" ", said).split()))
    if words is None:
        return None
    total = open_ = 0
    for word in words:
        factor = speech.times.get(word)
        if factor is None:
            open_ += speech.adds.get(word, 0)
        elif factor == _HUNDRED:
            # "Three hundred": of the open hundreds and units only what is under a hundred is multiplied.
            open_ += (open_ % _HUNDRED or 1) * (_HUNDRED - 1) + (open_ % _HUNDRED == 0)
        else:
            total += max(open_, 1) * factor
            open_ = 0
    return total + open_


def _series(words: str, first: int = 0, step: int = 1) -> dict[str, int]:
    return {
        word: first + step * at
        for at, names in enumerate(words.split())
        for word in names.split("|")
    }


_SPEECHES: Final = (
    _Speech(
        _series("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
                "eighteen nineteen") | _series("twenty thirty forty|fourty fifty sixty seventy eighty ninety", 20, 10),
        {"hundred": 100, "thousand": 1_000, "million": 1_000_000},
        frozenset({"and"}),
    ),
    _Speech(
        _series("null ein|eins|eine zwei|zwo drei vier funf|fuenf sechs sieben acht neun zehn elf zwolf|zwoelf dreizehn vierzehn "
                "funfzehn|fuenfzehn sechzehn siebzehn achtzehn neunzehn")
        | _series("zwanzig dreissig vierzig funfzig|fuenfzig sechzig siebzig achtzig neunzig", 20, 10),
        {"hundert": 100, "tausend": 1_000, "million": 1_000_000, "millionen": 1_000_000},
        frozenset({"und"}),
    ),
    _Speech(
        _series("zero un|une deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize")
        | _series("vingt|vingts trente quarante cinquante soixante septante", 20, 10)
        | {"quatrevingt": 80, "quatrevingts": 80, "huitante": 80, "nonante": 90},
        {"cent": 100, "cents": 100, "mille": 1_000, "million": 1_000_000, "millions": 1_000_000},
        frozenset({"et"}),
    ),
    _Speech(
        _series("cero un|uno|una dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciseis "
                "diecisiete dieciocho diecinueve")
        | _series("veinte|veinti treinta cuarenta cincuenta sesenta setenta ochenta noventa", 20, 10)
        | _series("cien|ciento doscientos|doscientas trescientos|trescientas cuatrocientos|cuatrocientas quinientos|quinientas "
                  "seiscientos|seiscientas setecientos|setecientas ochocientos|ochocientas novecientos|novecientas", 100, 100),
        {"mil": 1_000, "millon": 1_000_000, "millones": 1_000_000},
        frozenset({"y", "con"}),
    ),
    _Speech(
        _series("zero un|uno|una due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici sedici "
                "diciassette diciotto diciannove")
        | _series("venti|vent trenta|trent quaranta|quarant cinquanta|cinquant sessanta|sessant settanta|settant "
                  "ottanta|ottant novanta|novant", 20, 10),
        {"cento": 100, "cent": 100, "mille": 1_000, "mila": 1_000, "milione": 1_000_000, "milioni": 1_000_000},
        frozenset({"e"}),
    ),
    _Speech(
        _series("zero um|uma dois|duas tres quatro cinco seis sete oito nove dez onze doze treze catorze|quatorze quinze "
                "dezasseis|dezesseis dezassete|dezessete dezoito dezanove|dezenove")
        | _series("vinte trinta quarenta cinquenta sessenta setenta oitenta noventa", 20, 10)
        | _series("cem|cento duzentos|duzentas trezentos|trezentas quatrocentos|quatrocentas quinhentos|quinhentas "
                  "seiscentos|seiscentas setecentos|setecentas oitocentos|oitocentas novecentos|novecentas", 100, 100),
        {"mil": 1_000, "milhao": 1_000_000, "milhoes": 1_000_000},
        frozenset({"e"}),
    ),
)  # fmt: skip
