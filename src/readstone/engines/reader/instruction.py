"""What the user asks a local reader for, understood from the words of the instruction."""

import re
from typing import Final

from readstone.core.errors import InvalidRequest
from readstone.engines.instruction.rendering import Rendering
from readstone.engines.instruction.sentences import Sentence, sentences
from readstone.engines.instruction.vocabulary import HTML, HTML_TABLES, LAYOUT, MARKDOWN, READING
from readstone.engines.reader.refusals import BEYOND_READING, QUESTION, QUESTION_ASIAN, REFUSALS

_CONDITION = re.compile(r"(?:if|otherwise|falls|wenn|si|se|unless),? |如果|若|もし")


_FORMS: Final[tuple[Rendering, ...]] = ("markdown-html", "markdown", "html", "layout")
_ASKED: Final = (
    ("markdown-html", HTML_TABLES),
    ("markdown", MARKDOWN),
    ("html", HTML),
    ("layout", LAYOUT),
    ("reading", READING),
)


def understand(text: str) -> Rendering:
    """The rendering an instruction asks for; plain where it asks for nothing else.

    Tables in HTML win over markdown, markdown over HTML, HTML over layout. Raises `InvalidRequest` (param `messages`, code `unsupported_instruction`) where
    any part of it asks for what a reader cannot do. What is denied ("do not translate") neither selects nor
    is refused. Of an instruction longer than `sentences.LONGEST` characters its begin and its end are looked at.
    """
    heard = sentences(text)
    asked = frozenset(
        name for name, pattern in _ASKED if any(sentence.asks(pattern) for sentence in heard)
    )
    demands = [sentence for sentence in heard if not _CONDITION.match(sentence.text)]
    for refusal in REFUSALS:
        if refusal.overruled_by not in asked and any(s.asks(refusal.pattern) for s in demands):
            raise _refused(refusal.what, refusal.instead)
    if any(_is_beyond_reading(sentence) for sentence in demands):
        raise _refused("answer questions about a picture", "kind 'vision'")
    for form in _FORMS:
        if asked & {form}:
            return form
    return "plain"


def _is_beyond_reading(sentence: Sentence) -> bool:
    """Whether a sentence is a question that the text of a picture alone does not answer."""
    question = sentence.asks(QUESTION)
    asked = "" if question is None else sentence.text[question.start() :]
    if sentence.asks(QUESTION_ASIAN):
        asked = sentence.text
    if not asked:
        return False
    return READING.search(asked) is None or BEYOND_READING.search(asked) is not None


def _refused(what: str, instead: str) -> InvalidRequest:
    return InvalidRequest(
        "This model reads: it answers with the text of the images as plain text, with its layout kept, as "
        f"markdown or as HTML. It does not {what}: ask a model of {instead}.",
        param="messages",
        code="unsupported_instruction",
    )
