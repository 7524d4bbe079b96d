"""PDFs for tests, written by hand: pages of text, of pictures, turned, locked and broken ones."""

import io
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

LETTER = "Readers of 1871 found the ledger of the harbour in good order"
OTHER = "Nineteen barrels of salt were carried to the northern store"
HELVETICA = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
NO_LETTERS = (
    b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding << /Type /Encoding"
    b" /Differences [32 " + b" ".join(b"/g%d" % code for code in range(32, 127)) + b"] >> >>"
)
"""A font whose glyphs have names that no list knows: what letters they are is nowhere said."""
WRONG_LETTERS = (
    b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode 3 0 R >>",
    (
        b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /Wrong def"
        b" 1 begincodespacerange <00> <ff> endcodespacerange"
        b" 2 beginbfrange <41> <59> <0042> <61> <79> <0062> endbfrange endcmap end end"
    ),
)
"""A font and its map, which says of each letter that it is the next one of the alphabet."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page: its content, and what its dictionary and resources hold beside the font and the picture."""

    content: bytes
    box: str = "0 0 595 842"
    more: bytes = b""
    picture: Pillow.Image | None = None


def text(*lines: str, left: float = 72, top: float = 770, size: float = 14, mode: int = 0) -> bytes:
    """Lines set below each other in the font F, in a text render mode."""
    shown = b" ".join(f"({line}) Tj T*".encode("latin-1") for line in lines)
    return b"BT /F %g Tf %g TL %d Tr %g %g Td %s ET " % (size, 1.5 * size, mode, left, top, shown)


def picture(width: float, height: float, left: float = 0, bottom: float = 0) -> bytes:
    """The page's picture, laid on a part of it."""
    return b"q %g 0 0 %g %g %g cm /I Do Q " % (width, height, left, bottom)


def written(*lines: str, width: int = 1240, height: int = 1754, size: int = 40) -> Pillow.Image:
    """A scan: lines drawn as pixels."""
    scan = Pillow.new("L", (width, height), 255)
    draw = ImageDraw.Draw(scan)
    for index, line in enumerate(lines):
        draw.text((60, 60 + 2 * size * index), line, 0, font=ImageFont.load_default(size=size))
    return scan


def pdf(*sheets: Sheet, font: bytes = HELVETICA, map_: bytes = b"", trailer: bytes = b"") -> bytes:
    """A file of those pages; `map_` is the content of object 3, which a font may name."""
    first = 5
    kids = b" ".join(b"%d 0 R" % (first + 3 * index) for index in range(len(sheets)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(sheets), kids),
        _stream(b"", map_),
        font,
    ]
    for index, sheet in enumerate(sheets):
        objects += _page(sheet, first + 3 * index)
    return assemble(objects, trailer)


def assemble(objects: Sequence[bytes], trailer: bytes = b"") -> bytes:
    """Numbered objects, the table of where they are, and the trailer; object 1 is the root."""
    out = io.BytesIO()
    out.write(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    places: list[int] = []
    for number, content in enumerate(objects, start=1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, content))
    start = out.tell()
    rows = b"".join(b"%010d 00000 n \n" % place for place in places)
    out.write(b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, rows))
    size = len(objects) + 1
    out.write(b"trailer\n<< /Size %d /Root 1 0 R %s >>\n" % (size, trailer))
    out.write(b"startxref\n%d\n%%%%EOF\n" % start)
    return out.getvalue()


def locked() -> bytes:
    """A file whose text wants a password: the entries that prove the empty one right are noise."""
    noise = bytes(range(65, 97)).hex().encode()
    lock = b"<< /Filter /Standard /V 1 /R 2 /Length 40 /P -4 /O <%s> /U <%s> >>" % (noise, noise)
    return pdf(Sheet(text(LETTER)), trailer=b"/Encrypt %s /ID [<%s> <%s>]" % (lock, noise, noise))


def nested_without_end() -> bytes:
    """A page whose form draws itself twice: a reader that follows it makes ever more of it."""
    page = (
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Contents 4 0 R"
        b" /Resources << /XObject << /F 5 0 R >> >> >>"
    )
    form = b"/Type /XObject /Subtype /Form /BBox [0 0 200 200] /Resources << /XObject << /F 5 0 R >> >>"
    return assemble(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            page,
            _stream(b"", b"/F Do"),
            _stream(form, b"/F Do /F Do"),
        ]
    )


def scan_of(pages: Iterable[Pillow.Image]) -> bytes:
    """A file as scanners make them: a picture a page, 150 pixels an inch."""
    first, *rest = pages
    out = io.BytesIO()
    first.save(out, "PDF", save_all=True, append_images=rest, resolution=150)
    return out.getvalue()


def _page(sheet: Sheet, number: int) -> list[bytes]:
    page = (
        b"<< /Type /Page /Parent 2 0 R /MediaBox [%s] /Contents %d 0 R /Resources"
        b" << /Font << /F 4 0 R >> /XObject << /I %d 0 R >> >> %s >>"
    ) % (sheet.box.encode(), number + 1, number + 2, sheet.more)
    scan = sheet.picture or Pillow.new("L", (1, 1), 255)
    head = b"/Type /XObject /Subtype /Image /Width %d /Height %d" % scan.size
    head += b" /ColorSpace /DeviceGray /BitsPerComponent 8"
    return [page, _stream(b"", sheet.content), _stream(head, scan.convert("L").tobytes())]


def _stream(head: bytes, content: bytes) -> bytes:
    packed = zlib.compress(content)
    return b"<< %s /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (
        head,
        len(packed),
        packed,
    )
