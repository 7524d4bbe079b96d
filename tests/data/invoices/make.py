"""Draws the invoices of this folder in six languages: `python tests/data/invoices/make.py LATIN.ttf CHINESE.ttf`.

They were drawn with DejaVu Sans and Droid Sans Fallback; each has a layout of its own. Firms, people and numbers are made up.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

FOLDER = Path(__file__).parent
Fonts = tuple[ImageFont.FreeTypeFont, ImageFont.FreeTypeFont]


@dataclass(frozen=True, slots=True)
class Invoice:
    """Lines as (left, top, text), one font size for all; `ends` are places that texts end at: right, top, text."""

    lines: tuple[tuple[int, int, str], ...]
    ends: tuple[tuple[int, int, str], ...]


def table(
    top: int, columns: tuple[int, ...], rows: tuple[tuple[str, ...], ...], step: int = 44
) -> tuple[tuple[tuple[int, int, str], ...], tuple[tuple[int, int, str], ...]]:
    """The first cell of each row begins at its column, the others end at theirs."""
    lines = tuple((columns[0], top + step * at, row[0]) for at, row in enumerate(rows))
    ends = tuple(
        (right, top + step * at, cell)
        for at, row in enumerate(rows)
        for right, cell in zip(columns[1:], row[1:], strict=True)
    )
    return lines, ends


def invoice(
    heading: tuple[tuple[int, int, str], ...],
    *tables: tuple[tuple[tuple[int, int, str], ...], tuple[tuple[int, int, str], ...]],
) -> Invoice:
    """A heading with tables under it."""
    return Invoice(
        heading + tuple(line for lines, _ in tables for line in lines),
        tuple(end for _, ends in tables for end in ends),
    )


GERMAN = invoice(
    (
        (90, 70, "Holzwerk Sonnental GmbH"), (90, 110, "Mühlgasse 14"), (90, 150, "72070 Tübingen"),
        (90, 260, "Rechnung an:"), (90, 300, "Brigitte Körner"), (90, 340, "Am Brunnen 3"), (90, 380, "89073 Ulm"),
        (700, 260, "Rechnungsnummer: RE-2025/0482"), (700, 300, "Rechnungsdatum: 14. März 2025"),
        (700, 340, "Fällig am: 28.03.2025"), (700, 380, "USt-IdNr.: DE 136 695 976"),
        (90, 1180, "IBAN: DE89 3704 0044 0532 0130 00"),
    ),
    table(
        500, (90, 640, 860, 1090),
        (
            ("Bezeichnung", "Menge", "Einzelpreis", "Betrag"), ("Esstisch Eiche", "1", "849,00", "849,00"),
            ("Stuhl mit Lehne", "6", "129,50", "777,00"), ("Bank, geölt", "2", "310,00", "620,00"),
        ),
    ),
    table(760, (640, 1090), (("Nettobetrag", "2.246,00 €"), ("zzgl. 19 % MwSt.", "426,74 €"), ("Gesamtbetrag", "2.672,74 €"))),
)  # fmt: skip
FRENCH = invoice(
    (
        (90, 70, "FACTURE"), (90, 150, "Ateliers du Rhône SARL"), (90, 190, "27 rue des Tanneurs"), (90, 230, "69005 Lyon"),
        (700, 150, "Facturé à"), (700, 190, "Claire Fontaine"), (700, 230, "8 avenue Foch"), (700, 270, "21000 Dijon"),
        (90, 350, "Numéro de facture"), (460, 350, "FA-00391"), (90, 390, "Date de facture"), (460, 390, "03/04/2025"),
        (90, 430, "Date d'échéance"), (460, 430, "18/04/2025"), (90, 1130, "Email : contact@ateliers-rhone.example"),
    ),
    table(
        540, (90, 660, 870, 1090),
        (
            ("Désignation", "Quantité", "Prix unitaire", "Montant HT"), ("Lampe en laiton", "2", "64,90", "129,80"),
            ("Cadre en noyer", "3", "41,20", "123,60"), ("Miroir rond", "1", "1 250,00", "1 250,00"),
        ),
    ),
    table(790, (640, 1090), (("Total HT", "1 503,40 €"), ("TVA 20 %", "300,68 €"), ("Total TTC", "1 804,08 €"))),
)  # fmt: skip
SPANISH = invoice(
    (
        (90, 70, "Viveros La Encina S.L."), (90, 110, "Calle Mayor 55"), (90, 150, "37002 Salamanca"),
        (90, 190, "NIF: ESB38405551"), (720, 70, "FACTURA"), (720, 110, "Número de factura: 2025-118"),
        (720, 150, "Fecha de factura: 9 de mayo de 2025"), (90, 300, "Cliente"), (90, 340, "Hotel Miramar S.A."),
        (90, 380, "Paseo Marítimo 2"), (90, 420, "29016 Málaga"),
    ),
    table(
        530, (90, 640, 860, 1090),
        (
            ("Descripción", "Cantidad", "Precio unitario", "Importe"), ("Olivo centenario", "4", "210,00", "840,00"),
            ("Maceta de barro", "25", "6,40", "160,00"), ("Sustrato universal", "12", "8,75", "105,00"),
        ),
    ),
    table(790, (640, 1090), (("Base imponible", "1.105,00 €"), ("IVA 21 %", "232,05 €"), ("Total factura", "1.337,05 €"))),
)  # fmt: skip
ITALIAN = invoice(
    (
        (90, 70, "Ceramiche Vietri S.r.l."), (90, 110, "Via Roma 18"), (90, 150, "84019 Vietri sul Mare"),
        (90, 190, "Partita IVA: IT 00743110157"), (90, 290, "Fattura n. 77/2025"), (90, 330, "Data fattura: 21/06/2025"),
        (90, 370, "Scadenza: 21/07/2025"), (700, 290, "Spett.le"), (700, 330, "Trattoria da Nino"),
        (700, 370, "Via Etnea 101"), (700, 410, "95131 Catania"),
    ),
    table(
        520, (90, 640, 860, 1090),
        (
            ("Descrizione", "Quantità", "Prezzo unitario", "Importo"), ("Piatto piano", "48", "9,50", "456,00"),
            ("Tazzina con piattino", "30", "5,20", "156,00"), ("Vassoio dipinto", "3", "74,00", "222,00"),
        ),
    ),
    table(780, (640, 1090), (("Imponibile", "834,00 €"), ("IVA 22 %", "183,48 €"), ("Totale fattura", "1.017,48 €"))),
)  # fmt: skip
PORTUGUESE = invoice(
    (
        (90, 70, "Cortiça do Alentejo, Lda."), (90, 110, "Rua da Fonte 31"), (90, 150, "7000-503 Évora"),
        (700, 70, "Fatura"), (700, 110, "Número da fatura: FT 2025/64"), (700, 150, "Data de emissão: 2025-07-02"),
        (90, 270, "Cliente"), (90, 310, "Adega Nova S.A."), (90, 350, "Avenida da Liberdade 9"), (90, 390, "1250-139 Lisboa"),
    ),
    table(
        500, (90, 640, 860, 1090),
        (
            ("Descrição", "Quantidade", "Preço unitário", "Valor"), ("Rolhas naturais", "2000", "0,18", "360,00"),
            ("Painel de cortiça", "15", "22,40", "336,00"), ("Caixa de amostras", "4", "19,90", "79,60"),
        ),
    ),
    table(760, (640, 1090), (("Subtotal", "775,60 €"), ("IVA 23 %", "178,39 €"), ("Total", "953,99 €"))),
)  # fmt: skip
CHINESE = invoice(
    (
        (90, 70, "杭州青竹茶具有限公司"), (90, 120, "地址：杭州市西湖区文三路18号"), (700, 70, "发票号码：25037714"),
        (700, 120, "开票日期：2025年8月5日"), (90, 230, "购买方：南京清风茶馆"), (90, 280, "电话：025-8321 6600"),
    ),
    table(
        400, (90, 640, 860, 1090),
        (
            ("商品名称", "数量", "单价", "金额"), ("青瓷茶壶", "3", "268.00", "804.00"), ("竹制茶盘", "2", "156.50", "313.00"),
            ("品茗杯", "12", "18.00", "216.00"),
        ),
        step=50,
    ),
    table(680, (640, 1090), (("合计", "1333.00"), ("税额", "173.29"), ("价税合计", "¥1506.29")), step=50),
)  # fmt: skip


def write(pen: ImageDraw.ImageDraw, place: tuple[float, float], text: str, fonts: Fonts) -> None:
    """A text from left to right, each letter in the font that has it: the Chinese one has no digits."""
    left, top = place
    for letter in text:
        font = fonts[not letter.isascii()]
        pen.text((left, top), letter, 0, font=font)
        left += font.getlength(letter)


def draw(given: Invoice, fonts: Fonts, path: Path) -> None:
    """One page, 1200 pixels wide, in 16 shades of grey."""
    height = max(top for _, top, _ in (*given.lines, *given.ends)) + 120
    page = Pillow.new("L", (1200, height), 255)
    pen = ImageDraw.Draw(page)
    for left, top, text in given.lines:
        write(pen, (left, top), text, fonts)
    for right, top, text in given.ends:
        width = sum(fonts[not letter.isascii()].getlength(letter) for letter in text)
        write(pen, (right - width, top), text, fonts)
    page.quantize(16).save(path, optimize=True)


def main() -> None:
    """Draw them all."""
    latin, chinese = (ImageFont.truetype(path, 26) for path in sys.argv[1:3])
    for language, given in (
        ("de", GERMAN), ("fr", FRENCH), ("es", SPANISH), ("it", ITALIAN), ("pt", PORTUGUESE),
    ):  # fmt: skip
        draw(given, (latin, latin), FOLDER / f"{language}.png")
    draw(CHINESE, (latin, chinese), FOLDER / "zh.png")


main()
