"""Draws the documents of this folder and writes their true text beside them; README.md says with which fonts."""

import argparse
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

SEED = 20250314
INK = 24  # grey level of printed text
Font = ImageFont.FreeTypeFont


@dataclass(frozen=True, slots=True)
class Fonts:
    """Paths of the font files."""

    sans: Path
    bold: Path
    serif: Path
    mono: Path
    cjk: Path
    cjk_index: int


@dataclass(frozen=True, slots=True)
class Document:
    """A drawn page, its true text line by line in reading order, and how it is saved."""

    picture: Image.Image
    lines: tuple[str, ...]
    suffix: str
    quality: int = 0


@dataclass(frozen=True, slots=True)
class Cell:
    """A piece of text in a table: where its left edge is, or its right edge."""

    text: str
    x: int
    right: bool = False


def load(path: Path, size: int, index: int = 0) -> Font:
    """A font in pixels; the basic layout engine gives the same picture on every machine."""
    return ImageFont.truetype(path, size, index, layout_engine=ImageFont.Layout.BASIC)


def write_row(draw: ImageDraw.ImageDraw, y: int, cells: list[Cell], font: Font) -> str:
    """Draw the cells of one row and return them as the line that a reader should find."""
    for cell in cells:
        draw.text((cell.x, y), cell.text, fill=INK, font=font, anchor="ra" if cell.right else "la")
    return " ".join(cell.text for cell in cells)


def photograph(page: Image.Image, angle: float, random: np.random.Generator) -> Image.Image:
    """Lay a page on a desk and take its picture: paper shade, rotation in degrees, blur and noise."""
    width, height = page.size
    desk = Image.new("RGB", (width + 120, height + 120), (92, 74, 60))
    shade = (
        np.linspace(1.0, 0.82, width)[None, :, None] * np.linspace(0.97, 1.0, height)[:, None, None]
    )
    paper = np.asarray(page.convert("RGB")) * shade * np.array([1.0, 0.985, 0.945])
    desk.paste(Image.fromarray(paper.astype(np.uint8)), (60, 60))
    turned = desk.rotate(angle, Image.Resampling.BICUBIC, fillcolor=(92, 74, 60))
    blurred = np.asarray(turned.filter(ImageFilter.GaussianBlur(0.7))).astype(np.float64)
    noisy = blurred + random.normal(0.0, 5.0, (*blurred.shape[:2], 1))
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def receipt(fonts: Fonts, random: np.random.Generator) -> Document:
    """A till receipt, photographed."""
    page = Image.new("L", (600, 1010), 250)
    draw = ImageDraw.Draw(page)
    lines: list[str] = []
    y = 40
    for text, size in (
        ("LANTERN GROCERY", 40),
        ("14 Mill Lane, Ashford", 24),
        ("Tel. 01632 960142", 24),
    ):
        draw.text((300, y), text, fill=INK, font=load(fonts.mono, size), anchor="ma")
        lines.append(text)
        y += size + 14
    font = load(fonts.mono, 25)
    rows: list[tuple[str, str]] = [
        ("14.03.2025 17:42", "Receipt 004817"),
        ("", ""),
        ("Whole milk 1 l", "1.29"),
        ("Rye bread 750 g", "3.45"),
        ("Eggs free range", "4.20"),
        ("2 x Butter 250 g", "4.30"),
        ("Bananas 1.084 kg", "1.94"),
        ("Cheddar mature", "5.60"),
        ("Dish soap lemon", "2.75"),
        ("Loyalty discount", "-1.00"),
        ("", ""),
        ("SUBTOTAL", "22.53"),
        ("VAT 20% on 2.75", "0.46"),
        ("TOTAL EUR", "22.53"),
        ("CASH", "30.00"),
        ("CHANGE", "7.47"),
    ]
    y += 16
    for name, price in rows:
        if name:
            lines.append(write_row(draw, y, [Cell(name, 45), Cell(price, 555, right=True)], font))
        else:
            draw.line((45, y + 14, 555, y + 14), fill=120, width=2)
        y += 41
    draw.text((300, y + 24), "Thank you for your visit!", fill=INK, font=font, anchor="ma")
    lines.append("Thank you for your visit!")
    return Document(photograph(page, 1.4, random), tuple(lines), "jpg", 72)


INVOICE_ITEMS = (
    ("Letterhead paper, 500 sheets", 2, 1490),
    ("Envelopes C5, box of 250", 4, 2275),
    ("Desk lamp, brass", 1, 6490),
    ("Fountain pen ink, blue", 9, 545),
    ("Archive boxes", 7, 389),
    ("Ruler, 30 cm", 3, 210),
    ("Reading glass, 90 mm", 5, 1895),
    ("Paper knife", 6, 725),
)
INVOICE_HEAD = (
    (100, "Harbour Paper Works Ltd"),
    (146, "3 Quay Street, Whitby YO21 3PU"),
    (250, "Bill to:"),
    (284, "Ms Edith Moreau"),
    (318, "Atelier Moreau"),
    (352, "27 Castle Road, Durham DH1 4ED"),
)


def euros(cents: int) -> str:
    """An amount as it is printed."""
    return f"{cents // 100:,}.{cents % 100:02}"


def invoice(fonts: Fonts, _: np.random.Generator) -> Document:
    """An A4 page at 150 dpi with a table; its quantities are single digits."""
    page = Image.new("L", (1240, 1754), 255)
    draw = ImageDraw.Draw(page)
    plain, bold = load(fonts.sans, 25), load(fonts.bold, 25)
    lines: list[str] = []
    for y, text in INVOICE_HEAD:
        lines.append(
            write_row(draw, y, [Cell(text, 110)], bold if y == INVOICE_HEAD[0][0] else plain)
        )
    lines.append(write_row(draw, 470, [Cell("INVOICE", 110)], load(fonts.bold, 44)))
    for y, name, value in (
        (550, "Invoice number:", "INV-2025-0317"),
        (586, "Invoice date:", "17 March 2025"),
        (622, "Due date:", "16 April 2025"),
    ):
        lines.append(write_row(draw, y, [Cell(name, 110), Cell(value, 330)], plain))
    columns = (
        ("Pos.", 110, 0),
        ("Description", 200, 0),
        ("Qty", 760, 1),
        ("Unit price", 930, 1),
        ("Amount", 1130, 1),
    )
    head = [Cell(text, x, bool(right)) for text, x, right in columns]
    lines.append(write_row(draw, 720, head, bold))
    draw.line((110, 760, 1130, 760), fill=INK, width=2)
    y = 778
    for position, (name, quantity, price) in enumerate(INVOICE_ITEMS, 1):
        values = (str(position), name, str(quantity), euros(price), euros(quantity * price))
        cells = [Cell(text, cell.x, cell.right) for text, cell in zip(values, head, strict=True)]
        lines.append(write_row(draw, y, cells, plain))
        draw.line((110, y + 38, 1130, y + 38), fill=200)
        y += 48
    net = sum(quantity * price for _, quantity, price in INVOICE_ITEMS)
    vat = (net * 20 + 50) // 100
    for name, cents in (("Net amount", net), ("VAT 20%", vat), ("Total EUR", net + vat)):
        y += 40
        font = bold if name.startswith("Total") else plain
        lines.append(
            write_row(draw, y, [Cell(name, 760), Cell(euros(cents), 1130, right=True)], font)
        )
    for y, text in (
        (1560, "Please pay within 30 days to IBAN GB33 BUKB 2020 1555 5555 55."),
        (1600, "Thank you for your order."),
    ):
        lines.append(write_row(draw, y, [Cell(text, 110)], plain))
    return Document(page, tuple(lines), "png")


LEFT = (
    "Long before there were spectacles, people laid a polished stone on the page. It was cut from rock crystal or "
    "beryl, flat below and round above, and it made the letters under it larger. Monks who had grown old over their "
    "books could go on reading for ten or even twenty years."
)
RIGHT = (
    "Nobody knows who made the first one. A treatise written in Cairo about the year 1021 explains how a curved glass "
    "bends the light; two hundred years later the stones were found on desks all over Europe. When lenses were set in "
    "a frame and worn before the eyes, about 1290, the stones were soon forgotten."
)


def columns(fonts: Fonts, _: np.random.Generator) -> Document:
    """A heading above two columns of text."""
    page = Image.new("L", (1000, 760), 252)
    draw = ImageDraw.Draw(page)
    heading = "The Stone That Could Read"
    draw.text((500, 60), heading, fill=INK, font=load(fonts.serif, 48), anchor="ma")
    font = load(fonts.serif, 29)
    lines = [heading]
    for x, text in ((80, LEFT), (540, RIGHT)):
        for index, line in enumerate(textwrap.wrap(text, 27)):
            draw.text((x, 170 + index * 46), line, fill=INK, font=font)
            lines.append(line)
    return Document(page, tuple(lines), "png")


MENU = ("File", "Edit", "View", "Window", "Help")
FILES = (
    ("scan_0001.png", "1.2 MB", "12 May 2025 09:14", "Done"),
    ("scan_0002.png", "984 KB", "12 May 2025 09:15", "Done"),
    ("contract-v3.pdf", "3.7 MB", "13 May 2025 16:02", "Waiting"),
    ("receipt.jpg", "310 KB", "14 May 2025 11:48", "Failed"),
)


def screen(fonts: Fonts, _: np.random.Generator) -> Document:
    """A program's window with small text, light on dark and dark on light."""
    page = Image.new("RGB", (760, 330), "#f4f5f7")
    draw = ImageDraw.Draw(page)
    font = load(fonts.sans, 14)

    def row(y: int, columns: tuple[tuple[int, str], ...], colour: str) -> str:
        for x, text in columns:
            draw.text((x, y), text, fill=colour, font=font)
        return " ".join(text for _, text in columns)

    draw.rectangle((0, 0, 760, 36), fill="#22304a")
    lines = [row(9, tuple((16 + 76 * at, text) for at, text in enumerate(MENU)), "#ffffff")]
    lines.append(row(54, ((16, "Recent documents"),), "#1b2230"))
    lines.append(
        row(88, ((16, "Name"), (230, "Size"), (340, "Modified"), (560, "State")), "#5a6478")
    )
    draw.line((16, 112, 744, 112), fill="#c6ccd8")
    for at, values in enumerate(FILES):
        places = tuple(zip((16, 230, 340, 560), values, strict=True))
        lines.append(row(122 + 32 * at, places, "#1b2230"))
    for x, text, colour in ((556, "Cancel", "#6b7488"), (656, "Read all", "#2563c9")):
        draw.rounded_rectangle((x, 270, x + 88, 302), 6, fill=colour)
        draw.text((x + 44, 286), text, fill="#ffffff", font=font, anchor="mm")
    draw.text((16, 278), "4 documents, 1 failed", fill="#1b2230", font=font)
    lines.append("4 documents, 1 failed Cancel Read all")
    return Document(page, tuple(lines), "png")


LANGUAGES = (
    ("cjk", "读石是最早放在书页上的透镜。"),
    ("cjk", "发票号码：20250314　金额：1280元"),
    ("sans", "Für müde Augen größer: Lesesteine, schön geschliffen."),
    ("sans", "Überweisung bis 31. März: 1.280,00 €"),
    ("sans", "La pierre à lire a déjà aidé les élèves, là où l'âge gêne."),
    ("sans", "Reçu n° 27, payé le 3 août : 45,50 €"),
    ("sans", "¿Dónde está el señor Núñez? Volverá mañana."),
)


def languages(fonts: Fonts, _: np.random.Generator) -> Document:
    """Lines in Chinese, German, French and Spanish."""
    page = Image.new("L", (900, 560), 255)
    draw = ImageDraw.Draw(page)
    faces = {"sans": load(fonts.sans, 30), "cjk": load(fonts.cjk, 34, fonts.cjk_index)}
    for at, (face, line) in enumerate(LANGUAGES):
        draw.text((60, 90 + at * 60), line, fill=INK, font=faces[face], anchor="ls")
    return Document(page, tuple(line.replace("　", " ") for _, line in LANGUAGES), "png")


VERTICAL = (
    "床前明月光疑是地上霜",
    "举头望明月低头思故乡",
    "白日依山尽黄河入海流",
    "欲穷千里目更上一层楼",
)


def vertical(fonts: Fonts, _: np.random.Generator) -> Document:
    """Chinese in columns, from right to left."""
    page = Image.new("L", (360, 560), 255)
    draw = ImageDraw.Draw(page)
    font = load(fonts.cjk, 40, fonts.cjk_index)
    for column, text in enumerate(VERTICAL):
        for place, character in enumerate(text):
            draw.text((270 - 70 * column, 50 + 46 * place), character, fill=INK, font=font)
    return Document(page, VERTICAL, "png")


Make = Callable[[Fonts, np.random.Generator], Document]
DOCUMENTS: tuple[Make, ...] = (receipt, invoice, columns, screen, languages, vertical)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("sans", "bold", "serif", "mono", "cjk"):
        parser.add_argument(f"--{name}", type=Path, required=True, help=f"font file: {name}")
    parser.add_argument("--cjk-index", type=int, default=2, help="face in the CJK collection")
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent, help="folder to write to"
    )
    return parser.parse_args()


def main() -> None:
    """Write every document and its text."""
    options = vars(arguments())
    out: Path = options.pop("out")
    fonts = Fonts(**options)
    for make in DOCUMENTS:
        document = make(fonts, np.random.default_rng(SEED))
        path = out / f"{make.__name__}.{document.suffix}"
        document.picture.save(path, optimize=True, quality=document.quality)
        path.with_suffix(".txt").write_text("\n".join(document.lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
