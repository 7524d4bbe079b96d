"""Extraction with a language model: windows of lines are asked about, and only what the lines say is kept."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from readstone.core.chat import ImagePart, Message
from readstone.core.document import Page
from readstone.core.errors import EngineFailed
from readstone.core.extraction import Extraction, Path, Scene, Schema, Value
from readstone.extraction.checks import run_checks
from readstone.extraction.llm.agreement import weighed
from readstone.extraction.llm.answer import MOST_ITEMS, Claim, claims, flat_claims, parsed
from readstone.extraction.llm.content import assembled
from readstone.extraction.llm.form import response_format
from readstone.extraction.llm.lines import Room, numbered, windows
from readstone.extraction.llm.prompt import Shown, messages
from readstone.extraction.llm.repair import again, repair, worth_repairing
from readstone.extraction.llm.witness import Failure, Witness

Ask: TypeAlias = Callable[[Sequence[Message], bytes], Awaitable[str]]
"""Asks a language model: messages, and `response_format` as JSON; its whole answer. Raises errors of the tree."""

_REPAIRED = 0.85
"""What is left of the confidence of a value that was right only when it was asked for again."""


@dataclass(frozen=True, slots=True)
class _Verdicts:
    """Claims that were judged: what their lines bear out, and what they do not."""

    values: tuple[Value, ...]
    failures: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class Papers:
    """The pages of a document, and their images, one each, for a model that sees; without them nothing is shown."""

    pages: Sequence[Page]
    images: Sequence[ImagePart] = ()


async def extract_with_llm(
    papers: Papers,
    schema: Schema,
    scene: Scene,
    ask: Ask,
    *,
    room: Room | None = None,
    others: Sequence[Value] = (),
) -> Extraction:
    """Find the schema's values with a language model, and keep those that the lines it cites say.

    A document that does not fit at once is asked about in windows of whole pages: of a field the first window that
    prints it stands, lists go on from one to the next. What fails is asked for once more; then it is null, or kept
    as ungrounded where the schema is not strict. `others` are values found without a model: agreement raises
    confidences. Raises ContextTooLong where the pages do not fit into `room`, InvalidRequest for too large a schema,
    EngineFailed where the answer is no whole JSON twice, and what `ask` raises.
    """
    pages, images = papers.pages, papers.images
    lines = await asyncio.to_thread(numbered, pages)
    form = response_format(schema)
    values: list[Value] = []
    for number, window in enumerate(windows(lines, room or Room())):
        witness = await asyncio.to_thread(Witness, window, lines)
        seen = [images[page] for page in sorted({line.page for line in window}) if images]
        asked = messages(schema, scene, Shown(window, len(pages), tuple(seen)))
        found = await _window(schema, asked, form, witness, ask)
        values += (replace(value, path=_moved(value.path, number)) for value in found)
    return await asyncio.to_thread(_extraction, pages, schema, scene, values, others)


def _extraction(
    pages: Sequence[Page],
    schema: Schema,
    scene: Scene,
    values: Sequence[Value],
    others: Sequence[Value],
) -> Extraction:
    content, placed = assembled(schema, weighed(values, others))
    return Extraction(content, placed, run_checks(scene, schema, placed, pages))


async def _window(
    schema: Schema, asked: Sequence[Message], form: bytes, witness: Witness, ask: Ask
) -> Sequence[Value]:
    answer = await ask(asked, form)
    given = await asyncio.to_thread(parsed, answer)
    if given is None:
        answer = await ask(again(asked, answer), form)
        given = await asyncio.to_thread(parsed, answer)
        if given is None:
            raise EngineFailed(
                "The language model that finds the values did not answer with whole JSON, twice: its max_tokens may "
                "be too few for this schema, or it cannot write JSON."
            )
        first = await asyncio.to_thread(_judged, witness, claims(given, schema))
        return [*first.values, *_kept(schema, witness, first.failures)]
    first = await asyncio.to_thread(_judged, witness, claims(given, schema))
    if not first.failures:
        return first.values
    repairable = worth_repairing(first.failures)
    answer = await ask(*repair(asked, answer, repairable))
    mended = await asyncio.to_thread(parsed, answer) or {}
    later = flat_claims(mended, [failure.claim for failure in repairable])
    second = await asyncio.to_thread(_judged, witness, later)
    settled = {claim.path for claim in later} - {failure.claim.path for failure in second.failures}
    rest = [failure for failure in first.failures if failure.claim.path not in settled]
    return [
        *first.values,
        *(
            replace(value, extract_confidence=value.extract_confidence * _REPAIRED)
            for value in second.values
        ),
        *_kept(schema, witness, rest),
    ]


def _judged(witness: Witness, made: Sequence[Claim]) -> _Verdicts:
    verdicts = [witness.verdict(claim) for claim in made]
    return _Verdicts(
        tuple(verdict for verdict in verdicts if isinstance(verdict, Value)),
        tuple(verdict for verdict in verdicts if isinstance(verdict, Failure)),
    )


def _kept(schema: Schema, witness: Witness, failures: Sequence[Failure]) -> list[Value]:
    """What no words say, for a client that asked to have it marked instead of left out."""
    if schema.strict:
        return []
    kept = (witness.kept(failure.claim) for failure in failures)
    return [value for value in kept if value is not None]


def _moved(path: Path, window: int) -> Path:
    """The path with the first position in it behind those of earlier windows."""
    for depth, step in enumerate(path):
        if isinstance(step, int):
            return (*path[:depth], window * MOST_ITEMS + step, *path[depth + 1 :])
    return path
