"""The words by which users ask for text and for a form of it, in eight languages.

Every pattern is matched against one sentence in the form `sentences.folded` makes: lower case, no accents,
straight quotes, single spaces. *European* terms (English, German, French, Spanish, Italian, Portuguese) match
between word borders, *Asian* ones (Chinese, Japanese) anywhere.
"""

import re


def any_of(european: tuple[str, ...], asian: tuple[str, ...] = ()) -> re.Pattern[str]:
    """One pattern for all terms of a meaning."""
    bounded = rf"(?<![a-z0-9])(?:{'|'.join(european)})(?![a-z0-9])"
    return re.compile("|".join((bounded, *asian)))


READING = any_of(
    (
        r"text[sue]?", r"texte[ns]?", r"testo", r"say(?:s|ing)?", r"said", r"written", r"words?",
        r"wording", r"read(?:s|ing|able)?", r"printed", r"characters?", r"letters?", r"letterings?",
        r"transcri[a-z]+", r"ocr", r"extra[a-z]+", r"inscriptions?", r"handwrit[a-z]+", r"spelled",
        r"digiti[sz]e", r"lies", r"lesen", r"steht", r"stehen", r"geschrieben", r"worter",
        r"transkri[a-z]+", r"lis", r"lire", r"lisez", r"ecrite?s?", r"dit", r"mots", r"texto",
        r"lee[r]?", r"lea", r"dice", r"escrit[oa]s?", r"palabras", r"leggi", r"leggere",
        r"scritt[oaei]", r"parole", r"estra[a-z]+", r"trascri[a-z]+", r"leia", r"ler", r"diz",
        r"palavras",
    ),
    (r"文字", r"文本", r"识别", r"識別", r"读", r"讀", r"写(?!って|真)", r"寫", r"提取", r"テキスト", r"読", r"書", r"抽出"),
)  # fmt: skip
"""Words of a request to read; they make a question one that a reader answers."""

MARKDOWN = any_of(
    (
        r"markdown", r"md format", r"ocr with format", r"tabular",
        r"(?<!on the )(?<!at the )tables?(?! of content)", r"tabellen?", r"tabellarisch",
        r"tableaux?(?! de bord)", r"tablas?(?! de contenido)", r"tabell[ae]",  # codespell:ignore
        r"tabelas?",
    ),
    (r"表格", r"テーブル", r"マークダウン", r"表(?=を|形式|で|として|组|組)"),
)  # fmt: skip

_HTML = r"(?:<?html5?>?)"
HTML = any_of(
    (rf"(?:as|in|into|to|en|als|im|au|in formato|em) (?:an? |the |clean |valid |plain |semantic |pure |format |formato )*{_HTML}(?! (?:shown|source|snippet|tutorial|page shown|in the|on the|from the))",),  # codespell:ignore
    (r"html(?=格式|形式|で|として)", r"(?:为|成|用|以)html"),
)  # fmt: skip
"""Words of a request for the page as HTML; HTML that a picture shows is text to read."""

_TABLE_WORD = r"(?:tables?|tabellen?|tableaux?|tablas?|tabell[ae]|tabelas?)"  # codespell:ignore
HTML_TABLES = any_of(
    (
        rf"{_TABLE_WORD} (?:[^ ]+ ){{0,6}}?{_HTML}", rf"{_HTML}(?: format)?[ -]{_TABLE_WORD}",
        rf"{_HTML} (?:syntax |format |tags |code |markup )?(?:for|fur|pour|para|per) (?:[^ ]+ ){{0,3}}?{_TABLE_WORD}",
    ),
    (r"表格?.{0,6}html", r"html.{0,4}表格?"),
)  # fmt: skip
"""Words of a request for tables as HTML."""

_KEEP = (
    r"(?:(?:preserv|keep|maintain|retain|respect|reproduc|mirror|replicat|recreat|match)[a-z]*|kept"  # codespell:ignore
    r"|(?:not|n't|never|without) (?:chang|alter|modif|break|los|destroy|touch|ignor)[a-z]*"
    r"|beibehalt[a-z]*|behalte[a-z]*|erhalte[a-z]*|bewahre[a-z]*|originalgetreu[a-z]*"
    r"|(?:conserv|preserv|gard|respect)[a-z]+|manten[a-z]+|mantien[a-z]+|mantieni)"  # codespell:ignore
)
_SHAPE = (
    r"(?:layout|structured?|formatting|format|spacing|spaces|columns?|indent(?:ation|s)?|alignment"
    r"|white ?space|positioning|arrangement|struktur|formatierung|aufbau|anordnung|spalten|abstande"
    r"|einruckung(?:en)?|mise en page|mise en forme|disposition|colonnes|espacements?|diseno"
    r"|estructura|formato|maquetacion|disposicion|columnas|espaciado|impaginazione|struttura"
    r"|disposizione|colonne|formattazione|estrutura|formatacao|disposicao|colunas)"
)
LAYOUT = any_of(
    (
        rf"{_KEEP} (?:[^ ]+ ){{0,7}}?{_SHAPE}",
        rf"{_SHAPE} (?:[^ ]+ ){{0,5}}?{_KEEP}",
        r"layout[- ](?:preserv|aware|faithful)[a-z]*",  # codespell:ignore
        rf"(?:with|same|original|exact|including) (?:[a-z]+ ){{0,2}}?(?:layout|spacing|formatting|{_SHAPE} as)",
        r"aspect ratio of the columns", r"pdftotext -layout",
    ),
    (
        r"(?:保留|保持|维持|維持|按照|还原|還原).{0,12}?(?:格式|布局|版面|版式|排版|结构|結構|缩进|縮排|空格|分栏)",
        r"(?:レイアウト|書式|構造|段組み?|体裁|配置|インデント).{0,8}?(?:維持|保持|保っ|保ち|そのまま|崩さ|再現|残し)",
    ),
)  # fmt: skip

SPOTTING = any_of(
    (
        r"bounding[- ]?box(?:es)?", r"bbox(?:es)?", r"polygons?",
        r"(?:text|their|with|and|its|word|line|character|pixel|output|return|box) coordinates",
        r"coordinates (?:of|for) (?:the |each |every |all )?(?:text|word|line|box|character)[a-z]*",
        r"(?:locate|localize)", r"text spotting", r"koordinaten", r"boites englobantes",
        r"coordonnees (?:du|des|de chaque) (?:textes?|mots?|lignes?)", r"coordenadas",
        r"coordinate (?:del|dei|delle|di) (?:testo|parole|ogni)",
    ),
    (r"坐标", r"座標", r"定位", r"边界框", r"检测框", r"バウンディング", r"位置情報"),
)  # fmt: skip
"""Words of a request for the positions of text."""
