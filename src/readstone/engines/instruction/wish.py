"""Whether an instruction is a plain wish for the text of a page, and in which form.

The reader can afford to read where it is not sure; a model that understands questions cannot be asked another one
than the user's. So this looks the other way round: an instruction is a wish only where *every* word of it is known
to add nothing but the form. "Extract all text" is one; "Extract the invoice number" is not, for its last word.
"""

import re
from typing import Literal, TypeAlias

from readstone.engines.instruction.sentences import Sentence, sentences
from readstone.engines.instruction.vocabulary import LAYOUT, MARKDOWN, READING, SPOTTING

Wish: TypeAlias = Literal["plain", "layout", "markdown", "spotting"]
"""A rendering that every family knows, or spotting: the text of each line and where it stands."""


def _terms(text: str) -> frozenset[str]:
    return frozenset(text.split())


_WORDS = re.compile(r"[^\W\d_]+|\d+")
_ASIAN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]+")

_FILLING = _terms(
    # Small words, politeness, and what models are told they are.
    "a an the all any every each of in on from by to into for with and or as at it its this that these those "
    "their there here is are be do does s you me i my we please kindly can could would just only simply exactly "
    "precisely carefully fully completely full complete entire entirely whole everything no not don t dont without "
    "what which how your task role act helpful assistant ai model engine tool system expert specialist "
    "specialized free while if never instead neither nor avoid "
    # The verbs of reading and answering.
    "ocr read reads reading extract extracts extracting extraction transcribe transcribes transcription transcript "
    "recognize recognise recognition recognized detect perform do run give get return output outputs outputting "
    "provide print write show tell respond reply answer convert copy include produce format formatted see visible "
    "appear appears appearing seen found contained contain contains says say said written printed wording "
    # What is read, and the page it is read from.
    "text texts content contents words word characters character letters image images picture pictures photo photos "
    "page pages document documents doc scan scans scanned screenshot file pdf attachment receipt invoice form "
    "raw plain original verbatim reading order natural top bottom left right line lines "
    # German, French, Spanish, Italian, Portuguese.
    "lies lesen extrahiere extrahieren gib aus den die das der dem des alle allen alles gesamte gesamten text bild "  # codespell:ignore
    "auf diesem dieses dieser seite dokument bitte nur was steht hier geschrieben und im vom von als "  # codespell:ignore
    "extrais extrayez lis lisez tout le la les texte de du ce cette dans sur l d image en s il vous plait "
    "extrae extraer lee todo el los texto imagen pagina documento este esta por favor y del "
    "estrai leggi tutto il testo dall dell immagine questa questo per favore e da "
    "extraia leia o os imagem desta deste da na no "
    # Their words that deny.
    "nicht ohne keine keinen sans pas ne ni sin senza non sem nao"
)
_MARKDOWN_WORDS = _terms("markdown md syntax")
_SHAPE_WORDS = _terms(
    "preserve preserves preserving preserved keep keeping keeps maintain maintaining retain retaining respect "  # codespell:ignore
    "respecting same exact layout structure structured formatting spacing spaces columns column alignment indentation "
    "behalte bei beibehalten layout struktur conservant conserve mise page structure conserva conservando formato "  # codespell:ignore
    "estructura mantieni mantenendo struttura mantenha mantendo estrutura"
)
_SPOTTING_WORDS = _terms(
    "coordinates coordinate bounding box boxes bbox bboxes polygon polygons position positions location locations "
    "locate localize spot spotting level manner block blocks"
)
_COMMENTARY = _terms(
    "explain explanation explanations comment comments commentary description descriptions describe describing "
    "summary summaries summarize summarise summarizing translate translating translation translations interpret "
    "interpretation analysis notes note introduction preamble additional extra other else anything nothing add adding "
    "code fence fences block blocks omit skip miss erklarung erklarungen ubersetzen explication traduire "
    "explicaciones spiegazioni explicacoes"
)
_FINER = _terms("word words character characters letter letters")
"""Spotting gives lines: who asks for the boxes of these asks for something else."""

_ASIAN_FILLING = re.compile(
    r"请|請|帮我|幫我|直接|只|仅|僅|将|將|把|中的|上的|里的|裡的|中|上|里|裡|的|并|並|和|以|为|為|所有|全部|完整|这张|這張|这个|此|该|"
    r"图片|圖片|图像|圖像|图中|图|圖|照片|文档|文檔|文件|页面|頁面|内容|內容|文字|文本|原文|字符|"
    r"提取|识别|識別|读取|讀取|读出|讀出|检测|檢測|抽取|转换成|转换为|转换|转成|转为|输出|輸出|返回|给出|格式化|格式|表示|出来|出|不要|无需|無需|不需要|"
    r"画像|ページ|文書|テキスト|すべて|全て|全部|抽出|読み取って|読み取り|出力|文字起こし|して|ください|下さい|に|の|を|で|は|から|だけ"
)
_ASIAN_SHAPE = re.compile(
    r"保留|保持|维持|維持|按照|还原|還原|原有|原始|原|布局|版面|版式|排版|结构|結構|レイアウト|構造|書式|し|て"
)
_ASIAN_SPOTTING = re.compile(r"坐标|座標|位置|边界框|检测框")
_ASIAN_COMMENTARY = re.compile(
    r"任何|翻译|翻譯|解释|解釋|总结|總結|描述|说明|說明|或|、|せず|不要です"
)


def wish(text: str) -> Wish | None:
    """The form in which an instruction asks for the text of a page; None where it may ask for anything else.

    No words at all are a wish for plain text. Spotting wins over markdown, markdown over layout.
    """
    heard = sentences(text)
    if not any(sentence.text for sentence in heard):
        return "plain"
    form = _form(heard)
    if form is None or not all(_is_known(sentence, form) for sentence in heard):
        return None
    return form


def _form(heard: list[Sentence]) -> Wish | None:
    asked: tuple[tuple[Wish, re.Pattern[str]], ...] = (
        ("spotting", SPOTTING),
        ("markdown", MARKDOWN),
        ("layout", LAYOUT),
        ("plain", READING),
    )
    return next(
        (form for form, pattern in asked if any(sentence.asks(pattern) for sentence in heard)), None
    )


def _is_known(sentence: Sentence, form: Wish) -> bool:
    """Whether every word of a sentence is one that changes nothing but the form of the text."""
    known, asian = _FILLING, [_ASIAN_FILLING]
    if form == "spotting":
        known, asian = (known | _SPOTTING_WORDS) - _FINER, [*asian, _ASIAN_SPOTTING]
    if form == "markdown":
        known = known | _MARKDOWN_WORDS
    if form in {"layout", "markdown"}:
        known, asian = known | _SHAPE_WORDS, [*asian, _ASIAN_SHAPE]
    told, untold = _parted(sentence)
    commented = known | _COMMENTARY | _MARKDOWN_WORDS
    return (
        _words(told) <= known
        and _words(untold) <= commented
        and _leaves_nothing(told, asian)
        and _leaves_nothing(untold, [*asian, _ASIAN_COMMENTARY])
    )


def _parted(sentence: Sentence) -> tuple[str, str]:
    """What a sentence says, and what it denies, with the words that deny on both sides harmless."""
    said, denied = list(sentence.text), [" "] * len(sentence.text)
    for begin, end in sentence.denied:
        denied[begin:end] = sentence.text[begin:end]
        said[begin:end] = " " * (end - begin)
    return "".join(said), "".join(denied)


def _words(text: str) -> set[str]:
    return set(_WORDS.findall(_ASIAN.sub(" ", text)))


def _leaves_nothing(text: str, known: list[re.Pattern[str]]) -> bool:
    """Whether the Chinese and Japanese of a text is made of known terms, the longest first."""
    rest = " ".join(_ASIAN.findall(text))
    for terms in reversed(known):
        rest = terms.sub("", rest)
    return not rest.strip()
