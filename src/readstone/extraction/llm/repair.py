"""What a language model is told of its answer, once: the values that are not borne out, and the rule each breaks."""

import json
from collections.abc import Sequence

from readstone.core.chat import Message
from readstone.core.extraction import written
from readstone.extraction.llm.answer import Claim
from readstone.extraction.llm.form import flat_format, told
from readstone.extraction.llm.prompt import said
from readstone.extraction.llm.witness import Failure

MOST_REPAIRED = 60
"""Values that are asked for again; of more, the others stay as they were judged."""
_LONGEST = 200
"""Characters of a value that the model is told again."""


def repair(
    asked: Sequence[Message], answer: str, failures: Sequence[Failure]
) -> tuple[tuple[Message, ...], bytes]:
    """The conversation gone on by one turn, and the `response_format` of its answer: a leaf by the number of each failure."""
    told_ = "\n".join(_told(number, failure) for number, failure in enumerate(failures, 1))
    turn = (
        "Some values of your answer are not accepted:\n"
        f"{told_}\n"
        "Answer again for these only, as JSON: under each number the value as it is printed, with the lines it is "
        "printed in, or null and no lines where the document does not print it."
    )
    form = flat_format(
        (str(number), failure.claim.field) for number, failure in enumerate(failures, 1)
    )
    return (*asked, said("assistant", answer), said("user", turn)), form


def again(asked: Sequence[Message], answer: str) -> tuple[Message, ...]:
    """The conversation gone on after an answer that is no JSON object."""
    turn = "That is not one whole JSON object. Answer again with JSON of the template's form, and nothing else."
    return (*asked, said("assistant", answer[-_LONGEST:]), said("user", turn))


def worth_repairing(failures: Sequence[Failure]) -> tuple[Failure, ...]:
    """The failures that the model is told of."""
    return tuple(failures[:MOST_REPAIRED])


def _told(number: int, failure: Failure) -> str:
    claim: Claim = failure.claim
    value = json.dumps((claim.value or "")[:_LONGEST], ensure_ascii=False)
    return f"{number}. {written(claim.path)}: {told(claim.field)}: {value} of lines {list(claim.lines)}: {failure.rule}."
