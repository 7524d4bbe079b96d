"""A run over papers: a few at a time through the gateway, their outcomes in order, what is done skipped."""

import argparse
import asyncio
import hashlib
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias
from uuid import uuid4

from readstone.bench import Bench
from readstone.config import Config
from readstone.core.chat import ChatRequest, Message, TextPart
from readstone.core.errors import RequestError
from readstone.desk.folder import Paper, Sheets, open_paper
from readstone.desk.journal import Journal
from readstone.desk.progress import Progress
from readstone.media.inspect import DocumentLimits, ImageLimits

KEY: Final = "desk"
"""Whose requests these are: nobody's but the one at the keyboard."""
UNLIMITED: Final = 10**9
"""Tokens: nothing is cut at the desk."""

Found: TypeAlias = Mapping[str, Any]
Work: TypeAlias = Callable[[Sheets], Awaitable[Found]]
"""What is made of a paper, as it goes into the journal."""
Show: TypeAlias = Callable[[Paper, Found], Awaitable[None]]
"""What is done with it beside that."""


def add_run_options(parser: argparse.ArgumentParser, lines: str, model: str) -> None:
    """Let a command take papers, a journal of such lines, and a model in place of that one."""
    parser.add_argument("paths", nargs="+", type=Path, metavar="FILE|DIR", help="images and PDFs")
    parser.add_argument(
        "--jsonl",
        type=Path,
        metavar="FILE",
        help=f"write {lines}; run again, it goes on where it was",
    )
    parser.add_argument("--model", default=model, help=f"the model that does it ({model})")


@dataclass(frozen=True, slots=True)
class Run:
    """What is done with papers: `asked` is a digest of it, `ahead` how many are worked on at once."""

    config: Config
    journal: Path | None
    asked: str
    ahead: int
    work: Work
    show: Show

    async def over(self, papers: Sequence[Paper]) -> int:
        """Do it with all of them; 0, or 1 where any failed, which stderr says."""
        with Journal(self.journal) as journal:
            left = [paper for paper in papers if not self._is_done(journal, paper)]
            before = len(papers) - len(left)
            failed = 0
            with Progress(len(papers), before) as progress:
                outcomes = _in_order(left, self._outcome, self.ahead)
                async with aclosing(outcomes) as each:
                    async for outcome in each:
                        failed += await self._take(outcome, journal, progress)
                if self.journal is not None:
                    progress.complain(
                        f"{len(left) - failed} done, {before} were done before, {failed} failed."
                    )
            return int(failed > 0)

    def _is_done(self, journal: Journal, paper: Paper) -> bool:
        if self.journal is None:
            return False
        try:
            digest = hashlib.sha256(paper.path.read_bytes()).hexdigest()
        except OSError:
            return False  # it is told when its turn comes
        return journal.has((str(paper.path), digest, self.asked))

    async def _outcome(self, paper: Paper) -> "Outcome":
        try:
            sheets = await asyncio.to_thread(open_paper, paper, *limits_of(self.config))
            found = await self.work(sheets)
        except RequestError as error:
            return Outcome(paper, error=error.message)
        return Outcome(paper, sheets.digest, found)

    async def _take(self, outcome: "Outcome", journal: Journal, progress: Progress) -> bool:
        paper = outcome.paper
        if outcome.error is not None:
            progress.complain(f"{paper.path}: {outcome.error}")
        else:
            await self.show(paper, outcome.found)
            journal.write((str(paper.path), outcome.digest, self.asked), dict(outcome.found))
        progress.step(paper.path.name)
        return outcome.error is not None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a paper: what was found, or why nothing was."""

    paper: Paper
    digest: str = ""
    found: Found = field(default_factory=dict[str, Any])
    error: str | None = None


def request_for(bench: Bench, sheets: Sheets, words: str) -> ChatRequest:
    """A request about a paper."""
    defaults = bench.model.defaults
    return ChatRequest(
        id=f"req_{uuid4().hex}",
        key_id=KEY,
        model=bench.model,
        model_name=bench.model.id,
        messages=(Message("user", (sheets.part, TextPart(words))),),
        max_tokens=UNLIMITED,
        temperature=defaults.temperature,
        top_p=defaults.top_p,
        arrived=time.monotonic(),
        defaulted=frozenset({"temperature", "top_p"}),
    )


async def _in_order(
    papers: Sequence[Paper], outcome: Callable[[Paper], Awaitable[Outcome]], ahead: int
) -> AsyncGenerator[Outcome]:
    """The outcome of each, `ahead` at once; closing it ends those that run."""

    async def one(paper: Paper) -> Outcome:
        return await outcome(paper)

    running: deque[asyncio.Task[Outcome]] = deque()
    try:
        for paper in papers:
            running.append(asyncio.create_task(one(paper)))
            if len(running) >= ahead:
                yield await running.popleft()
        while running:
            yield await running.popleft()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def limits_of(config: Config) -> tuple[ImageLimits, DocumentLimits]:
    """What a file may be at most: what may be sent to a server."""
    limits = config.limits
    return (
        ImageLimits(bytes=limits.image_bytes, pixels=limits.image_pixels),
        DocumentLimits(bytes=limits.document_bytes, pages=limits.document_pages),
    )
