"""Which parts of a sentence are denied: "do not describe", "ohne Erklärung", "nicht", "翻訳せず"."""

import re

_NOT_DENYING = (
    r"(?:do not|don't|dont|never|without|not) (?:ever |just |only |to )?"
    r"(?:omit|skip|miss|leave out|leaving|drop|exclude|lose|losing|omitting|skipping|missing)[a-z]*"
    r"|not (?:only|just)|no(?= (?:formato|em|documento|texto|arquivo))|no\. ?\d"
)
_VERB = r"not|[a-z]+n't|dont|never|refrain from|stop|nicht|niemals|nie|ne|n'(?=[a-z])|no(?=(?: \w+){0,1} (?:traduz|describ|expli|resum|anad|inclu|us))|non|nao|nunca|jamais"  # codespell:ignore
_NOUN = r"without|no|nor|neither|avoid|omit|skip|exclude|excluding|ignor(?:e|ing)|instead of|rather than|nothing|ohne|keine?[nmrs]?|weder|noch|sans|pas|aucune?|ni|sin|evita|senza|nessun[ao]?|sem|nenhum[ao]?"
_ASIAN = r"不要|不需要|不用|不必|无需|無需|无须|請勿|请勿|勿|(?<![识識类類区區分级級性特差])[别別](?![名称稱人])|不得|禁止|避免|不(?=[翻描解总總概归做加使输添包])"
_FORWARD = re.compile(
    rf"(?<![a-z0-9'])(?:(?P<double>{_NOT_DENYING})|(?P<verb>{_VERB})|(?P<noun>{_NOUN}))(?![a-z0-9])|(?P<asian>{_ASIAN})"
)

_TURN = (
    r"(?<![a-z0-9])(?:but|only|just|instead(?! of)|rather(?! than)|simply|merely|except|sondern|aber|nur"
    r"|mais|seulement|uniquement|simplement|sino|pero|solo|solamente|ma|soltanto|mas|somente|apenas)(?![a-z0-9])"
    r"|[而只仅僅但]|直接"
)
_JOIN = r"(?:[,:] ?|(?<![a-z])(?:and|then|und|et|y|e) )(?:and |then |please |bitte )*"
_RESUME = (
    r"(?:extra[a-z]*|read|transcri[a-z]+|output|return|give|provide|keep|preserve|maintain|retain|use|convert|write"
    r"|format|respond|reply|print|render|represent|show|list|copy|ocr|include|make|produce|reproduce|lies|gib"
    r"|behalte|verwende|schreib[a-z]*|transkri[a-z]+|formatiere|lis|donne[rz]?|conserve[rz]?|garde[rz]?|retourne[rz]?"
    r"|utilise[rz]?|ecri[a-z]+|lee|devuelve|conserva|mante[a-z]+|mantieni|usa|escribe|estrai|leggi|restituisci|leia"
    r"|retorne|in the original)"
)
_ASKING = r"(?:describe|summari[sz]e|translate|explain|classify|caption|answer|what|how)"
_SCOPE_ENDS_VERB = re.compile(rf"{_TURN}|{_JOIN}{_RESUME}(?![a-z])")
_SCOPE_ENDS_NOUN = re.compile(rf"{_TURN}|{_JOIN}(?:{_RESUME}|{_ASKING})(?![a-z])")
_SCOPE_ENDS_ASIAN = re.compile(rf"{_TURN}|,")

_BACKWARD = re.compile(
    r"(?:(?!(?<![a-z])(?:and|und|but|aber|et|y) )[^,:])*(?<![a-z])(?:nicht|nothing|nichts|rien|nada|niente)(?![a-z])"
    r"|.{0,12}?(?:しない|しなく|せず|なしで|は不要|はいら|不要です)"
)


def denied(sentence: str) -> list[tuple[int, int]]:
    """The spans of a folded sentence that are denied, as begin and end (excluded) of its characters."""
    spans = [match.span() for match in _BACKWARD.finditer(sentence)]
    for match in _FORWARD.finditer(sentence):
        if match["double"]:
            continue
        ends = (
            _SCOPE_ENDS_ASIAN
            if match["asian"]
            else _SCOPE_ENDS_VERB
            if match["verb"]
            else _SCOPE_ENDS_NOUN
        )
        end = ends.search(sentence, match.end())
        spans.append((match.end(), len(sentence) if end is None else end.start()))
    return spans


def denies(text: str) -> bool:
    """Whether a folded text has a denying word."""
    return any(not match["double"] for match in _FORWARD.finditer(text))
