"""The documents of tests/data, read and extracted: the contract's example in six languages, and no value that is not printed."""

import json
from pathlib import Path
from typing import Any

import pytest
from benchmarks.extract.printed import unprinted

from readstone.core.document import Page
from readstone.core.extraction import Extraction
from readstone.engines.reader.page_reader import PageReader
from readstone.engines.reader.weights import find_weights
from readstone.extraction.extract import extract
from readstone.extraction.schema import parse_schema
from readstone.media.decode import decode
from readstone.media.inspect import ImageLimits, inspect

DATA = Path(__file__).parents[2] / "data"
SEED = (
    "Please extract the information from the image using the following schema: "
    '{"invoice_no":"Invoice Number","date":"Invoice Date","items":[{"name":"Item Name","total":"Amount"}]}'
)
WHOLE = json.dumps(
    {
        "due": "Due date, YYYY-MM-DD",
        "seller": "Seller",
        "seller_address": "Seller address",
        "buyer": "Buyer",
        "vat": "VAT number of the seller",
        "net": "Net total",
        "rate": "Tax rate",
        "tax": "Tax amount",
        "total": "Total",
        "iban": "IBAN",
        "phone": "Phone",
        "email": "E-mail",
        "items": [{"name": "Item name", "quantity": "number", "price": "Unit price"}],
    }
)

ITEMS = {
    "de": [("Esstisch Eiche", "849,00"), ("Stuhl mit Lehne", "777,00"), ("Bank, geölt", "620,00")],
    "fr": [("Lampe en laiton", "129,80"), ("Cadre en noyer", "123,60"), ("Miroir rond", "1 250,00")],
    "es": [("Olivo centenario", "840,00"), ("Maceta de barro", "160,00"), ("Sustrato universal", "105,00")],
    "it": [("Piatto piano", "456,00"), ("Tazzina con piattino", "156,00"), ("Vassoio dipinto", "222,00")],
    "pt": [("Rolhas naturais", "360,00"), ("Painel de cortiça", "336,00"), ("Caixa de amostras", "79,60")],
    "zh": [("青瓷茶壶", "804.00"), ("竹制茶盘", "313.00"), ("品茗杯", "216.00")],
}  # fmt: skip
HEADS = {
    "de": ("RE-2025/0482", "14. März 2025"),
    "fr": ("FA-00391", "03/04/2025"),
    "es": ("2025-118", "9 de mayo de 2025"),
    "it": ("77/2025", "21/06/2025"),
    "pt": ("FT 2025/64", "2025-07-02"),
    "zh": ("25037714", "2025年8月5日"),
}
REST: dict[str, dict[str, str]] = {
    "de": {
        "due": "2025-03-28", "seller": "Holzwerk Sonnental GmbH", "seller_address": "Mühlgasse 14 72070 Tübingen",
        "buyer": "Brigitte Körner", "vat": "DE 136 695 976", "net": "2.246,00", "rate": "19 %", "tax": "426,74",
        "total": "2.672,74", "iban": "DE89 3704 0044 0532 0130 00",
    },
    "fr": {
        "due": "2025-04-18", "seller": "Ateliers du Rhône SARL", "seller_address": "27 rue des Tanneurs 69005 Lyon",
        "buyer": "Claire Fontaine", "net": "1 503,40", "rate": "20 %", "tax": "300,68", "total": "1 804,08",
        "email": "contact@ateliers-rhone.example",
    },
    "es": {
        "seller": "Viveros La Encina S.L.", "seller_address": "Calle Mayor 55 37002 Salamanca", "buyer": "Hotel Miramar S.A.",
        "vat": "ESB38405551", "net": "1.105,00", "rate": "21 %", "tax": "232,05", "total": "1.337,05",
    },
    "it": {
        "due": "2025-07-21", "seller_address": "Via Roma 18 84019 Vietri sul Mare", "buyer": "Trattoria da Nino",
        "vat": "IT 00743110157", "net": "834,00", "rate": "22 %", "tax": "183,48", "total": "1.017,48",
    },
    "pt": {
        "seller": "Cortiça do Alentejo, Lda.", "seller_address": "Rua da Fonte 31 7000-503 Évora", "buyer": "Adega Nova S.A.",
        "net": "775,60", "rate": "23 %", "tax": "178,39", "total": "953,99",
    },
    "zh": {
        "seller": "杭州青竹茶具有限公司", "seller_address": "杭州市西湖区文三路18号", "buyer": "南京清风茶馆",
        "net": "1333.00", "tax": "173.29", "total": "1506.29", "phone": "025-8321 6600",
    },
}  # fmt: skip
UNSURE = {"it": {"seller"}, "zh": {"rate", "vat"}}
"""Fields that a letter misread, or a guess, may change."""


class Pages:
    """The reader, and each document as it was read once."""

    def __init__(self) -> None:
        self._reader = PageReader(find_weights())
        self._read: dict[str, Page] = {}

    def page(self, name: str) -> Page:
        if name not in self._read:
            image = inspect(
                (DATA / name).read_bytes(), ImageLimits(), frozenset({"png", "jpeg"}), name
            )
            prepared = self._reader.prepare(decode(image))
            lines = (self._reader.recognise(crop) for crop in prepared.crops)
            self._read[name] = Page(prepared.width, prepared.height, tuple(filter(None, lines)))
        return self._read[name]

    def found(self, name: str, prompt: str) -> Extraction:
        schema = parse_schema(prompt)
        assert schema is not None
        return extract([self.page(name)], schema, "general")


@pytest.fixture(scope="module")
def pages() -> Pages:
    return Pages()


@pytest.mark.parametrize("language", HEADS)
def test_the_example_of_the_contract_works_on_invoices_in_six_languages(
    language: str, pages: Pages
) -> None:
    number, day = HEADS[language]
    items = [{"name": name, "total": total} for name, total in ITEMS[language]]
    found = pages.found(f"invoices/{language}.png", SEED)
    assert found.content == {"invoice_no": number, "date": day, "items": items}


@pytest.mark.parametrize("language", REST)
def test_an_invoice_is_extracted_whole_whatever_its_language(language: str, pages: Pages) -> None:
    found: Any = pages.found(f"invoices/{language}.png", WHOLE).content
    del found["items"]
    sure = {key: value for key, value in found.items() if key not in UNSURE.get(language, set())}
    assert sure == {key: REST[language].get(key) for key in sure}


@pytest.mark.parametrize(
    "name", ["invoice.png", "receipt.jpg", "columns.png", "languages.png", "screen.png", *(f"invoices/{each}.png" for each in HEADS)]
)  # fmt: skip
@pytest.mark.parametrize("prompt", [SEED, WHOLE, '["Item name", "Date", "Name", "Address"]'])
def test_no_value_is_said_that_a_document_does_not_print(
    name: str, prompt: str, pages: Pages
) -> None:
    found = pages.found(name, prompt)
    assert unprinted(found.values, [pages.page(name)]) == []
