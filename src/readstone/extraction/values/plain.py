"""Text in the form that patterns are written in, character for character, so that offsets stay true."""

from typing import Final

_SPACES: Final = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\t"
_HYPHENS: Final = "\u2010\u2011\u2012\u2013\u2212\ufe63"
_APOSTROPHES: Final = "\u2018\u2019\u02bc\u00b4`\u2032"
_FULL_WIDTH: Final = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_PLAIN: Final = str.maketrans(
    {
        **_FULL_WIDTH,
        **dict.fromkeys(map(ord, _SPACES), " "),
        **dict.fromkeys(map(ord, _HYPHENS), "-"),
        **dict.fromkeys(map(ord, _APOSTROPHES), "'"),
        ord("\u3001"): ",",
        ord("\u3002"): ".",
        ord("\uffe5"): "\u00a5",
        ord("\uffe1"): "\u00a3",
    }
)
_LETTERS_FOR_DIGITS: Final = str.maketrans("OoQDlI|!SsBZz", "0000111155822")


def plain(text: str) -> str:
    """The text with half-width forms, one kind of space, hyphen and apostrophe; as long as it was."""
    return text.translate(_PLAIN)


def digits(text: str) -> str:
    """The text with the letters that readers take digits for (O, l, S, B, Z) as those digits; as long as it was."""
    return text.translate(_LETTERS_FOR_DIGITS)
