"""What users ask of a local reader that it does not do, in eight languages, and who can do it."""

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from readstone.engines.instruction.vocabulary import SPOTTING, any_of

Over: TypeAlias = Literal["nothing", "reading", "markdown"]
"""What else in an instruction makes a refusal not apply."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something a reader does not do: its words, how a message names it, who can do it, what overrules it."""

    pattern: re.Pattern[str]
    what: str
    instead: str
    overruled_by: Over = "nothing"


# What counts as a picture when somebody asks about it.
_PICTURE = (
    r"(?:image|picture|photo(?:graph)?|pic|screenshot|figure|chart|graph|diagram|scene|drawing)s?"
)
# Words that may stand between a verb and its object: "give me a short description".
_FEW = r"(?:[a-z'-]+ ){0,3}?"
# "the lines that describe the payment" asks for lines, not for a description.
_MAIN = r"(?<!that )(?<!which )(?<!who )"
_MAKE = (
    r"(?:give|write|provide|create|generate|make|need|want|add|return|output|produce|get|include)"
)

_SEE = "kind 'vision'"
_THINK = "kind 'vision' (or of kind 'chat', for a text)"

REFUSALS: tuple[Refusal, ...] = (
    Refusal(
        SPOTTING,
        "give the positions of what it reads",
        f"{_SEE} that supports grounding",
    ),
    Refusal(
        any_of(
            (
                r"(?<!the )json(?! (?:file|snippet|code|shown|in the|on the|from the))",
                rf"(?:{_MAKE}|with|reply|respond) (?:[a-z]+ ){{0,2}}?(?:the )?json",
                r"structured (?:data|output|extraction|fields)", r"key[- ]?value", r"schema",
                r"following (?:fields|keys|attributes|properties)", r"(?:contents?|values?) of the fields?",
                r"fields ?(?=[:\[('\"])", r"extract (?:the |these |all )?fields", r"folgenden felder",
                r"champs suivants", r"siguientes campos", r"seguenti campi", r"seguintes campos",
                r"(?:as|in|into|to|format:?) (?:an? |the |valid )*(?:csv|xml|yaml|toml|excel|xlsx|sql)",
                r"(?:csv|xml|yaml) (?:format|output)",
            ),
            (r"\{ ?['\"]", r"['\"]properties['\"]", r"结构化", r"以下字段", r"字段 ?:", r"構造化", r"次のフィールド"),
        ),
        "extract structured data without being told the fields (a JSON schema or a list of names)",
        _THINK,
    ),
    Refusal(
        any_of(
            (
                rf"{_MAIN}translat(?:e|ing)(?! column)", r"into (?:english|german|french|spanish|italian|chinese|japanese)",
                rf"{_MAKE} {_FEW}(?:translation|summary|explanation|interpretation|analysis|overview|opinion)",
                rf"{_MAIN}(?:summari[sz]e|summari[sz]ing|sum up|tl;?dr|paraphrase|rephrase|rewrite|explain|elaborate)",
                rf"{_MAIN}interpret", r"proofread", r"fact[- ]?check", r"solve", r"calculate|compute",
                r"answer (?:the|my|this|these|all|following|each)", r"(?:short|brief|concise|quick) summary",
                r"compare", r"write (?:[a-z]+ ){0,2}?(?:code|script|program|function|poem|story|essay|e-?mail|reply|review)",
                r"tell me (?:a|more)", r"uber?setze?n?(?: sie)?", r"fasse?n?(?: sie)?(?= .*zusammen)", r"zusammenfass(?:en|ung)",  # codespell:ignore
                r"erklare?n?", r"erlauter[en]*", r"beantworte?n?", r"tradui(?:s|re|sez|t)", r"resume[zr]?", r"expli(?:que[zr]?|ca|car|que)",
                r"reponds?|repondez", r"traduc(?:e|ir|ci)", r"traduzca", r"resum(?:ir|a|e|elo|en de)", r"responde(?:r)?|responda",  # codespell:ignore
                r"tradurre|traduci", r"riassum(?:i|ere)", r"spiega(?:re)?", r"rispond(?:i|ere)", r"traduz(?:a|ir)", r"explicar?",
            ),
            (
                r"翻译(?!栏|列)", r"翻譯", r"总结(?!部分)", r"總結", r"概括", r"归纳", r"(?:写|生成|给出|做).{0,4}摘要", r"解释", r"解釋",
                r"(?:请|請)?回答(?!栏)", r"说明(?!书|文|栏|部分|字)", r"說明(?!書|文|欄)", r"翻訳", r"訳して", r"要約(?!欄|部分)", r"説明(?!書|文|欄)",
                r"解説", r"答えて",
            ),
        ),
        "summarise, explain, translate or answer questions",
        _THINK,
    ),
    Refusal(
        any_of(
            (
                rf"{_MAIN}describe(?! no(?:thing)? )", rf"{_MAKE} {_FEW}(?:description|caption|alt[- ]text)", r"caption (?:this|the|it|an?)",
                r"alt[- ]text for", rf"{_MAIN}(?:classify|categori[sz]e)", r"(?:image|document) classification",
                r"count (?:the|all|how|every|each|people|objects|number)",
                r"(?:detect|find|identify|recogni[sz]e|segment|list|spot) (?:[a-z]+ ){0,3}?(?:objects?|people|persons?|faces?|cars?|animals?|logos?|language)",
                r"(?:happening|going on|depicted) in", rf"what(?: is|'s|s) (?:shown |visible |there )?(?:in|on) (?:this|the) {_PICTURE}",
                r"beschreib(?:e|en|t)?", r"klassifizier[a-z]*", r"zahle(?:n)? (?:die|alle|sie)", r"decri(?:s|re|vez|t)",  # codespell:ignore
                r"legende[rz]", r"class(?:e|er|ifie[rz]?)", r"compte[rz]?", rf"{_MAIN}describ(?:e(?! no )|ir|a)", r"descri(?:vi|vere|bir)", r"descrev(?:a|er)",  # codespell:ignore
                r"classifi(?:ca|car|que|care)", r"conta(?:r|re)?", r"cuenta",
            ),
            (r"描述(?!栏|列)", r"看图说", r"分类", r"分類", r"数一数", r"数えて", r"(?:物体|目标|人脸|人物)检测", r"描写", r"キャプション(?=を)", r"这是什么", r"這是什麼"),
        ),
        "describe, classify or count what a picture shows",
        _SEE,
    ),
    Refusal(
        any_of((rf"analy[sz]e|look at|inspect|what you see|(?:tell me )?about (?:this|the) {_PICTURE}", r"analysier[a-z]*", r"analys(?:e[rz]?|a|ar|are)", r"analiz(?:a|ar|za|zare)", r"analis(?:e|ar)"), (r"分析",)),  # codespell:ignore
        "analyse what a picture shows",
        _SEE,
        "reading",
    ),
    Refusal(
        any_of((r"(?:as|in|into|to) (?:an? |clean |valid )*(?:latex|tex|rtf|docx)",)),
        "write LaTeX or office formats",
        _SEE,
        "markdown",
    ),
)  # fmt: skip
"""What a reader refuses; the first that applies is named."""

_AUXILIARY = r"(?:is|are|was|were|do|does|did|can|could|will|would|should|has|have|had)"
_WHERE_A_CLAUSE_BEGINS = (
    r"(?:^|[,:] |(?:and|und|et|y) |(?:so|now|also|then|please|tell me|say|hi|hello|hey),? )"
)
QUESTION = re.compile(
    rf"{_WHERE_A_CLAUSE_BEGINS}"
    rf"(?:what(?:'s|s)? |what (?:[a-z]+ ){{0,2}}?{_AUXILIARY} |who(?:'s|se|m)? |why |how (?:many|much|old|long|{_AUXILIARY}) "
    rf"|whe(?:re|n) {_AUXILIARY} |(?:is|are|does|did|was|were|has|have) (?:there|this|that|the|these|it|any|an?) |do (?:you|they|these) "  # codespell:ignore
    r"|was (?:ist|sind|zeigt|siehst|steht|bedeutet|kostet) |wer |wo (?:ist|sind) |wann |warum |wie ?viele? |welche[rsnm]? "  # codespell:ignore
    r"|qu'est-ce|que (?:voi[ts]|voyez|montre|represente|dit|hay|es|ves|muestra|dice|significa)[ -]|qui est|ou est|quand |pourquoi |combien |quel(?:le)?s? (?:est|sont) "  # codespell:ignore
    r"|quien |donde |cuando |por que |cuant[oa]s? |cual(?:es)? |(?:che )?cosa |che c'e|chi e|dove |quando |perche |quant[ieoa] |quali? (?:e|sono) "
    r"|o que |quem |onde |qua(?:l|is) )"
    rf"|^which |tell me (?:if|whether|how|who|where|when|why|which|what|about) "
)
QUESTION_ASIAN = re.compile(
    r"(?:什么|什麼|甚麼)(?!都|也)|谁|誰|哪[里裡个個些]|多少|[几幾][个個]|为何|為何|怎么|怎麼|是否|[吗嗎](?![a-z])|(?<![任如为為])何(?![もか])|どこ|どのよう|いくつ|ですか|ますか"
)

BEYOND_READING = any_of(
    (
        r"how (?:many|much|old|often|long)", r"who(?:'s|se|m)?", r"why", r"where", r"when", r"about",
        r"mean(?:s|ing)?", r"languages?", r"fonts?", r"colou?rs?", r"sentiment", r"tone", r"topic",
        r"purpose", r"correct", r"handelt", r"bedeutet", r"sprache", r"wie ?viele?", r"warum", r"wer",
        r"signifi[a-z]+", r"langue", r"idiomas?", r"lingua", r"combien", r"cuant[oa]s?", r"quant[oaie]s?",
        r"pourquoi", r"quien", r"quem",
    ),
    (r"多少", r"[几幾][个個]", r"意思", r"语言", r"語言", r"颜色", r"顏色", r"谁", r"誰", r"关于", r"意味", r"言語", r"何語", r"何色", r"いくつ", r"何個", r"なぜ"),
)  # fmt: skip
"""Words of questions that reading alone does not answer, text in the picture or not."""
