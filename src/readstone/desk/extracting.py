"""`readstone extract`: the values that a schema asks for, with where each was read, and pictures that show it."""

import argparse
import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import msgspec

from readstone.api.extract.encoding import encode
from readstone.bench import reading
from readstone.config import Config
from readstone.core.chat import DocumentPart, Source
from readstone.core.document import Box
from readstone.core.errors import ConfigurationError, InvalidRequest
from readstone.core.extraction import Scene
from readstone.desk.folder import Paper, Sheets, open_paper, papers
from readstone.desk.journal import digest
from readstone.desk.run import Found, Run, add_run_options, limits_of, request_for
from readstone.media.overlay import Mark, overlays
from readstone.parts import cores
from readstone.serving.catalogue import EXTRACT

_MOST_SCHEMA = 1024 * 1024


def add_extracting(parser: argparse.ArgumentParser) -> None:
    """Let a command take what `extract` takes."""
    parser.add_argument(
        "--schema",
        required=True,
        help='what to find: {"total": "Total amount", …}, a JSON Schema, names parted by commas, or a file with one',
    )
    parser.add_argument(
        "--scene",
        choices=get_args(Scene),
        default="general",
        help="invoices, receipts and the like (default), or medical papers",
    )
    parser.add_argument(
        "--overlay",
        type=Path,
        metavar="PNG|DIR",
        help="draw where each value was read: a picture, or a folder for several; a PDF has one for each page",
    )
    add_run_options(parser, "a line of JSON for each, with evidence and checks", EXTRACT.id)


async def extract_files(options: argparse.Namespace, config: Config) -> int:
    """Extract from what was named; 0, or 1 where a file failed."""
    found = papers(options.paths)
    schema = _schema(options.schema)
    if options.overlay is not None and options.overlay.suffix and len(found) > 1:
        raise ConfigurationError(
            f"--overlay {options.overlay} is one picture and there are {len(found)} files: name a folder."
        )
    async with reading(config, options.model) as bench:
        try:
            wanted = bench.extractor.parse(schema, options.scene)
            bench.extractor.takes(bench.model)
        except InvalidRequest as error:
            raise ConfigurationError(f"--schema: {error.message}") from error

        async def work(sheets: Sheets) -> Found:
            extracted = await bench.extractor.extract(request_for(bench, sheets, ""), wanted)
            answer = encode(extracted, frozenset({"grounding", "checks"}))
            told: dict[str, Any] = msgspec.to_builtins(answer.extraction)
            return {
                "content": json.loads(extracted.content),
                **told,
                "pages": len(extracted.pages),
                "tokens": answer.usage.total_tokens,
            }

        async def show(paper: Paper, made: Found) -> None:
            if options.jsonl is None:
                _print(paper, made, several=len(found) > 1)
            if options.overlay is not None:
                await asyncio.to_thread(_draw, config, options.overlay, paper, made)

        asked = digest("extract", schema, options.scene, options.model, bench.fingerprint)
        run = Run(config, options.jsonl, asked, 2 * cores(), work, show)
        return await run.over(found)


def _schema(given: str) -> str:
    """The schema that was given, or that lies in the file that was named."""
    name = given.removeprefix("@")
    try:
        is_file = Path(name).is_file()
    except (OSError, ValueError):  # no name of a file: a schema, and a long one
        is_file = False
    if not is_file:
        if given.startswith("@") or given.endswith(".json"):
            raise ConfigurationError(f"--schema: there is no file {name}.")
        return given
    try:
        text = Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"--schema: {name} cannot be read as text.") from error
    if len(text) > _MOST_SCHEMA:
        raise ConfigurationError(f"--schema: {name} is too long.")
    return text


def _print(paper: Paper, made: Found, *, several: bool) -> None:
    if several:
        line = {"file": str(paper.path), "content": made["content"]}
        print(json.dumps(line, ensure_ascii=False), flush=True)
    else:
        print(json.dumps(made["content"], ensure_ascii=False, indent=2), flush=True)


def _draw(config: Config, overlay: Path, paper: Paper, made: Found) -> None:
    source = _source(open_paper(paper, *limits_of(config)))
    pictures = overlays(source, _marks(made["fields"]))
    single = made["pages"] == 1
    for number, picture in enumerate(pictures, 1):
        target = overlay if overlay.suffix else overlay / f"{paper.place}.png"
        if not single:
            target = target.with_name(f"{target.stem}-{number}{target.suffix}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(picture)
        except OSError as error:
            raise ConfigurationError(f"{target} cannot be written: {error.strerror}.") from error


def _source(sheets: Sheets) -> Source:
    part = sheets.part
    return part.document if isinstance(part, DocumentPart) else part.image


def _marks(fields: Mapping[str, Any]) -> Sequence[Mark]:
    return [
        Mark(leaf["page"] - 1, Box(*leaf["box"]), path)
        for path, leaf in fields.items()
        if leaf["box"] is not None
    ]
