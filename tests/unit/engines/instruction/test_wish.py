import pytest
from hypothesis import given
from hypothesis import strategies as st

from readstone.engines.instruction.wish import Wish, wish

WISHES: list[tuple[str, Wish]] = [
    ("", "plain"),
    (" \n\t", "plain"),
    ("<image>\n", "plain"),
    ("OCR", "plain"),
    ("Extract all text from this image.", "plain"),
    ("You are a helpful assistant.\nExtract all text", "plain"),
    ("What does this say?", "plain"),
    ("Extract the text, do not summarize, describe, or translate it.", "plain"),
    ("Return only the text. No markdown, no commentary.", "plain"),
    ("Never explain anything. Read.", "plain"),
    ("Lies den Text auf dem Bild.", "plain"),
    ("Extrais tout le texte de l'image.", "plain"),
    ("提取图中的文字。", "plain"),
    ("画像のテキストを読み取ってください。", "plain"),
    ("Extract all text ... preserve the layout structure", "layout"),
    ("Extract the text while maintaining the columns.", "layout"),
    ("提取所有文字，保留原有格式", "layout"),
    ("レイアウトを維持してテキストを抽出してください", "layout"),
    ("Convert this page to markdown.", "markdown"),
    ("Output Markdown, preserve the layout and structure.", "markdown"),
    ("将文档转换为markdown格式", "markdown"),
    ("Extract the text with bounding boxes", "spotting"),
    (
        "Detect and recognize text in the image, and output the text coordinates in a formatted manner.",
        "spotting",
    ),
    ("检测并识别图片中的文字，将文本坐标格式化输出。", "spotting"),
]

OTHERS = [
    "hello",
    "What is this?",
    "What language is this text in?",
    "What is the total?",
    "Extract the invoice number",
    "Transcribe only the second column",
    "Extract the text of the red box only",
    "Extract all text from page 3",
    "Read the name at the top",
    "Extract the table",
    "Extract all text. Don't use tables.",
    "Extract all text, ignoring headers and footers.",
    "Extract text in English",
    "Extract the text as JSON",
    "Return the bounding boxes of each word",
    "Describe the image",
    "Translate the text",
    "Extract all text and also tell me a joke",
    "Extract the content of the fields: ['a', 'b'] from the image and return it in JSON format.",
    "提取图中的表格",
    "提取发票号码",
    "把图中的文字翻译为英文",
    "合計金額を抽出してください",
]


@pytest.mark.parametrize(("text", "form"), WISHES)
def test_a_plain_wish_for_text_tells_its_form(text: str, form: Wish) -> None:
    assert wish(text) == form


@pytest.mark.parametrize("text", OTHERS)
def test_what_may_be_anything_else_is_not_taken_for_a_wish(text: str) -> None:
    assert wish(text) is None


@given(
    st.sampled_from([text for text, _ in WISHES]),
    st.sampled_from(["zebra", "invoice-number", "4711", "Müller", "姓名", "総額", "имя", "اسم"]),
)
def test_one_word_that_is_not_known_makes_it_another_question(text: str, word: str) -> None:
    assert wish(f"{text} {word}") is None
    assert wish(f"{word} {text}") is None


@given(st.text(max_size=300))
def test_any_text_can_be_asked_about(text: str) -> None:
    assert wish(text) in {None, "plain", "layout", "markdown", "spotting"}
