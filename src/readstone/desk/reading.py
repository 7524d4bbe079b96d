"""`readstone read`: the text of files, to stdout, into a folder or into a journal."""

import argparse
from collections.abc import Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any, Final

from readstone.bench import reading
from readstone.config import Config
from readstone.core.chat import TextDelta
from readstone.core.errors import ConfigurationError, EngineFailed
from readstone.desk.folder import Paper, Sheets, papers
from readstone.desk.journal import digest
from readstone.desk.run import Found, Run, add_run_options, request_for
from readstone.parts import cores
from readstone.serving.catalogue import EMBEDDED
from readstone.serving.gateway import Served

_WORDS: Final[Mapping[str, str]] = {
    "text": "",
    "layout": "Preserve the layout.",
    "markdown": "Markdown.",
    "html": "Give the text as HTML.",
}
"""What a client would say for each rendering."""
_SUFFIX: Final[Mapping[str, str]] = {
    "text": ".txt",
    "layout": ".txt",
    "markdown": ".md",
    "html": ".html",
}


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Let a command take what `read` takes."""
    parser.add_argument(
        "--as",
        dest="rendering",
        choices=list(_WORDS),
        default="text",
        help="lines of text (default), text with its layout kept, markdown or HTML",
    )
    parser.add_argument(
        "--to",
        type=Path,
        metavar="DIR",
        help="write a file for each into this folder; what is there already is left alone",
    )
    add_run_options(parser, "a line of JSON for each", EMBEDDED.id)


async def read_files(options: argparse.Namespace, config: Config) -> int:
    """Read what was named; 0, or 1 where a file failed."""
    found = papers(options.paths)
    if options.to is not None:
        found = [paper for paper in found if not _target(options, paper).exists()]
    words = _WORDS[options.rendering]
    async with reading(config, options.model) as bench:

        async def work(sheets: Sheets) -> Found:
            texts: list[str] = []
            asked = request_for(bench, sheets, words)
            async with aclosing(bench.gateway.chat(asked)) as events:
                async for event in events:
                    match event:
                        case TextDelta(text=text):
                            texts.append(text)
                        case Served(finish=finish):
                            usage = finish.usage
                            return {"text": "".join(texts), "tokens": usage.total_tokens}
                        case _:
                            continue
            raise EngineFailed("The engine ended its answer without saying why.")

        async def show(paper: Paper, made: Found) -> None:
            _show(options, paper, made, several=len(found) > 1)

        asked = digest("read", options.rendering, options.model, bench.fingerprint)
        run = Run(config, options.jsonl, asked, 2 * cores(), work, show)
        return await run.over(found)


def _show(
    options: argparse.Namespace, paper: Paper, made: Mapping[str, Any], *, several: bool
) -> None:
    text = made["text"]
    if options.to is not None:
        target = _target(options, paper)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            # Whole or not at all: a run that is cut off leaves no half of a text that looks done.
            part = target.with_name(f"{target.name}.part")
            part.write_text(f"{text}\n", encoding="utf-8")
            part.replace(target)
        except OSError as error:
            raise ConfigurationError(f"{target} cannot be written: {error.strerror}.") from error
    elif options.jsonl is None:
        print(f"==> {paper.path} <==\n{text}\n" if several else text, flush=True)


def _target(options: argparse.Namespace, paper: Paper) -> Path:
    # The whole name stays: a.png and a.pdf may lie side by side.
    name = f"{paper.place.name}{_SUFFIX[options.rendering]}"
    return options.to / paper.place.with_name(name)
