"""Base64 data URIs: the bytes inside, as forgiving about the spelling as the clients are careless."""

import binascii

import pybase64

from readstone.core.errors import InvalidImage, TooLarge

_WHITE_SPACE = b" \t\r\n\v\f"
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
# What URL encoders make of the base64 alphabet and of line ends; a general percent-decoder would
# build millions of pieces for a hostile payload, these are plain replacements.
_PERCENT_ENCODED = (
    (b"%20", b""),
    (b"%09", b""),
    (b"%0A", b""),
    (b"%0a", b""),
    (b"%0D", b""),
    (b"%0d", b""),
    (b"%2B", b"+"),
    (b"%2b", b"+"),
    (b"%2F", b"/"),
    (b"%2f", b"/"),
    (b"%3D", b"="),
    (b"%3d", b"="),
)


def decode_data_uri(uri: str, limit: int, param: str) -> bytes:
    """Return the bytes of a base64 data URI (RFC 2397), at most `limit` of them.

    Tolerated: any case of `data:` and `;base64`, further parameters, the url-safe alphabet, missing or surplus padding,
    white space and the percent-encoded forms of all these. The declared media type is not looked at.

    Raises InvalidImage where there is no base64 data, TooLarge where there is more than `limit` bytes of it (known from
    the encoded length, before anything is decoded). Messages name `param` and never hold a piece of the payload.
    """
    comma = uri.find(",")
    head = "".join(uri[: max(comma, 0)].split()).lower()
    if not head.startswith("data:") or ";base64;" not in f"{head};":
        raise InvalidImage(
            f"{param} must be a base64 data URI, such as 'data:image/png;base64,...'.", param=param
        )
    text = uri[comma + 1 :]
    if text and len(text) * 3 // 4 <= limit:
        try:
            return pybase64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            pass  # not as the book has it: the slow way takes more, and tells what is wrong with the rest
    payload = _digits(text, param)
    if not payload:
        raise InvalidImage(f"{param} holds no data after the comma of the data URI.", param=param)
    size = len(payload) * 3 // 4
    if size > limit:
        raise TooLarge(f"{param} holds {size} bytes; at most {limit} are taken.", param=param)
    try:
        return binascii.a2b_base64(payload + b"=" * (-len(payload) % 4), strict_mode=True)
    except binascii.Error:
        raise InvalidImage(f"{param} is not valid base64.", param=param) from None


def decode_digits(digits: bytes, limit: int) -> bytes | None:
    """The bytes that base64 digits stand for; None where they are not as the standard has them, or more than `limit`."""
    if len(digits) * 3 // 4 > limit:
        return None
    try:
        return pybase64.b64decode(digits, validate=True)
    except (binascii.Error, ValueError):
        return None


def _digits(text: str, param: str) -> bytes:
    """The base64 digits of a payload in the standard alphabet, without white space and padding."""
    if not text.isascii():
        raise InvalidImage(f"{param} is not valid base64: it holds other letters.", param=param)
    payload = text.encode("ascii")
    if b"%" in payload:
        for encoded, plain in _PERCENT_ENCODED:
            payload = payload.replace(encoded, plain)
    return payload.translate(_URL_SAFE, _WHITE_SPACE).rstrip(b"=")
