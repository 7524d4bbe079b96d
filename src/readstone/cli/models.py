"""`readstone models`: the catalogue as it would be served."""

import argparse
import asyncio
import sys
from typing import TYPE_CHECKING, Final

from readstone.cli.setting import configure
from readstone.options import add_engine_options

if TYPE_CHECKING:
    from readstone.config import Config
    from readstone.core.model import Model
    from readstone.serving.catalogue import Catalogue

EPILOG: Final = ""


def add_options(parser: argparse.ArgumentParser, shared: argparse.ArgumentParser) -> None:
    """Let the parser take what `models` takes."""
    del shared
    add_engine_options(parser)


def run(options: argparse.Namespace) -> int:
    """List the models."""
    from readstone.report import print_table

    rows = [("MODEL", "KIND", "ENGINE", "UPSTREAM", "CONTEXT", "FALLBACK", "ALIASES")]
    rows += [_row(model) for model in asyncio.run(catalogue(configure(options)))]
    print_table(rows, left=len(rows[0]))
    return 0


async def catalogue(config: "Config") -> "Catalogue":
    """What would be served; engines that list their models are asked, and told on stderr where they do not answer."""
    from readstone.config import READER, HTTPConfig
    from readstone.core.errors import EngineFailed
    from readstone.serving.catalogue import build_catalogue

    found = build_catalogue(config.models, [READER, *config.engines])
    listed = {
        name: section
        for name, section in config.engines.items()
        if isinstance(section, HTTPConfig) and section.discover
    }
    if listed:
        from readstone.engines.http.listing import Listing
        from readstone.engines.workshop import server_options

        for name, section in listed.items():
            try:
                found.offer(name, await Listing(server_options(section)).ask())
            except EngineFailed as error:
                told = f"readstone: engine {name} does not list its models. {error.message}"
                print(told, file=sys.stderr)
    return found


def _row(model: "Model") -> tuple[str, ...]:
    lists = (", ".join(names) or "-" for names in (model.fallback, model.aliases))
    context = "-" if model.context_length is None else str(model.context_length)
    return model.id, model.kind, model.engine, model.upstream or "-", context, *lists
