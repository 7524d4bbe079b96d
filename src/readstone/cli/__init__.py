"""The command line: serve · read · extract · keys · models · usage · doctor."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol, cast

from readstone import __version__

_COMMANDS: Final = {
    "serve": "start the server",
    "keys": "make, list, change and revoke API keys",
    "models": "list the models that would be served",
    "usage": "show what keys used and what it cost",
    "read": "read files: print their text, or keep it in files",
    "extract": "extract values from files by a schema",
    "doctor": "check that everything here can work, engines included",
}
"""Each is the module of its name here, which is imported when it is asked for: `readstone keys` needs no reader."""
_EPILOG: Final = """\
examples:
  readstone serve                            serve on http://127.0.0.1:8000; the first start prints an admin key
  readstone serve --demo                     the same, and read a sample page through the API to begin with
  readstone serve --upstream http://127.0.0.1:11434/v1
                                             the models of a running Ollama too, under our keys and limits
  readstone serve --llm Qwen3-0.6B-Q8_0.gguf run a model here, on llama.cpp
  KEY=$(readstone keys create invoices)      make a key; stdout holds the key and nothing else
  readstone keys --help                      scopes, expiry, owners, limits, rotation
  readstone models                           list what would be served
  readstone usage --by day,model --csv       what was used this month, for a spreadsheet
  readstone read scan.pdf                    print what a document says, without a server (--as markdown, --to DIR)
  readstone extract bills/ --schema '{"total": "Total"}' --jsonl bills.jsonl
                                             the values of a folder of documents; run again, it goes on where it was
  readstone doctor                           check this machine, the weights, the engines and the configuration

Settings come from readstone.toml (here, or --config), then READSTONE_* variables, then options;
docs/configuration.md lists them all.
"""


class Command(Protocol):
    """What the module of a command has."""

    EPILOG: str

    def add_options(self, parser: argparse.ArgumentParser, shared: argparse.ArgumentParser) -> None:
        """Let the parser take what the command takes; `shared` are the options of every command, which it has already."""
        ...

    def run(self, options: argparse.Namespace) -> int:
        """Run it; the exit status."""
        ...


def run(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit status: 0, 1 where it failed, 2 where it was called wrongly."""
    # Others are named in the help only.
    commands = {name: _load(name) for name in _COMMANDS if name in arguments}
    options = _parser(commands).parse_args(arguments or ["--help"])
    from readstone.core.errors import ConfigurationError, ModelNotFound, StoreUnavailable

    try:
        return commands[options.command].run(options)
    except (ConfigurationError, ModelNotFound, StoreUnavailable) as error:
        print(f"readstone: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _load(name: str) -> Command:
    return cast("Command", cast("object", importlib.import_module(f"{__name__}.{name}")))


def _parser(loaded: dict[str, Command]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="readstone",
        description="A self-hosted server that reads: OCR, vision and chat behind one OpenAI-compatible API.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"readstone {__version__}")
    # Suppressed where not given: each level of `keys list` takes them, and none takes back what another was given.
    shared = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    shared.add_argument("--config", type=Path, metavar="FILE", help="configuration file (TOML)")
    shared.add_argument("--data-dir", metavar="DIR", help="where keys and the ledger are kept")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, summary in _COMMANDS.items():
        command = loaded.get(name)
        added = commands.add_parser(
            name,
            parents=[shared],
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            epilog=command.EPILOG if command else None,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if command:
            command.add_options(added, shared)
    return parser
