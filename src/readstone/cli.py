"""The command line: serve · keys · models · doctor."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import uvloop

from readstone import __version__
from readstone.app import open_store
from readstone.config import Config, load_config
from readstone.core.errors import ConfigurationError, ModelNotFound
from readstone.core.key import Key, mint
from readstone.demo import show_first_page
from readstone.doctor import examine
from readstone.engines import READER
from readstone.server import serve
from readstone.serving.catalogue import Catalogue, build_catalogue
from readstone.store import Store
from readstone.telemetry import start_logging

_FLAGS = ("host", "port", "data_dir")
_EPILOG = """\
examples:
  readstone serve                            serve on http://127.0.0.1:8000; the first start prints an admin key
  readstone serve --demo                     the same, and read a sample page through the API to begin with
  KEY=$(readstone keys create invoices)      make a key; stdout holds the key and nothing else
  readstone doctor                           check this machine, the weights and the configuration

Settings come from readstone.toml (here, or --config), then READSTONE_* variables, then options;
docs/configuration.md lists them all.
"""


def run(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit status: 0, 1 where it failed, 2 where it was called wrongly."""
    options = _parser().parse_args(arguments)
    try:
        config = _config(options)
        start_logging(config.log_format)
        return uvloop.run(_command(options, config))
    except (ConfigurationError, ModelNotFound) as error:
        print(f"readstone: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


async def _command(options: argparse.Namespace, config: Config) -> int:
    match options.command:
        case "serve":
            return await _serve(config, demo=options.demo)
        case "models":
            return _models(config)
        case "doctor":
            return await examine(config)
        case _:
            store = await open_store(config)
            try:
                return await _keys(
                    options, store, build_catalogue(config.models, [READER, *config.engines])
                )
            finally:
                await store.close()


async def _serve(config: Config, *, demo: bool) -> int:
    async def visit(address: str) -> None:
        store = await open_store(config)
        try:
            if not await store.list_keys():
                key, written = mint("admin", int(time.time()), admin=True)
                await store.add_key(key)
                print(f"Your admin key, shown this once: {written}", flush=True)
            print(f"Readstone {__version__} serves on {address} (API: {address}/docs)", flush=True)
            if demo:
                await show_first_page(address, store)
        finally:
            await store.close()

    await serve(config, visit)
    return 0


def _models(config: Config) -> int:
    rows = [("MODEL", "KIND", "ENGINE", "ALIASES")]
    rows += [
        (model.id, model.kind, model.engine, ", ".join(model.aliases) or "-")
        for model in build_catalogue(config.models, [READER, *config.engines])
    ]
    _print_table(rows)
    return 0


async def _keys(options: argparse.Namespace, store: Store, catalogue: Catalogue) -> int:
    now = int(time.time())
    match options.action:
        case "create":
            models = tuple(options.model)
            for name in models:
                catalogue.find(name)
            key, written = mint(options.name, now, admin=options.admin, models=models)
            await store.add_key(key)
            print(written)
        case "list":
            rows = [("ID", "NAME", "ADMIN", "MODELS", "CREATED", "STATE")]
            _print_table(rows + [_key_row(key) for key in await store.list_keys()])
        case _:
            public_id = options.id.removeprefix("rs-").split("-")[0]
            if not await store.revoke_key(public_id, now):
                print(
                    f"readstone: there is no key {public_id} to revoke; 'readstone keys list' "
                    "shows them.",
                    file=sys.stderr,
                )
                return 1
            print(f"Revoked {public_id}; running servers refuse it from now on.")
    return 0


def _key_row(key: Key) -> tuple[str, ...]:
    created = time.strftime("%Y-%m-%d %H:%M", time.localtime(key.created_at))
    state = "active" if key.revoked_at is None else "revoked"
    admin = "yes" if key.admin else "no"
    return key.public_id, key.name, admin, ", ".join(key.models) or "all", created, state


def _print_table(rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


def _config(options: argparse.Namespace) -> Config:
    chosen = {name: value for name in _FLAGS if (value := getattr(options, name, None)) is not None}
    return load_config(options.config, chosen)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="readstone",
        description="A self-hosted server that reads: OCR behind an OpenAI-compatible API.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"readstone {__version__}")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--config", type=Path, metavar="FILE", help="configuration file (TOML)")
    shared.add_argument("--data-dir", metavar="DIR", help="where keys are kept")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    server = commands.add_parser("serve", parents=[shared], help="start the server")
    server.add_argument("--host", help="address to listen on (127.0.0.1)")
    server.add_argument("--port", help="port to listen on (8000); 0 takes a free one")
    server.add_argument(
        "--demo", action="store_true", help="read a sample page through the API once it serves"
    )
    _add_keys(commands.add_parser("keys", help="make, list and revoke API keys"), shared)
    commands.add_parser("models", parents=[shared], help="list the models that would be served")
    commands.add_parser("doctor", parents=[shared], help="check that everything here can work")
    return parser


def _add_keys(keys: argparse.ArgumentParser, shared: argparse.ArgumentParser) -> None:
    actions = keys.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = actions.add_parser("create", parents=[shared], help="make a key and print it")
    create.add_argument("name", metavar="NAME", help="who or what it is for")
    create.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="MODEL",
        help="let it use this model only, by id or alias; repeat for several (default: all)",
    )
    create.add_argument("--admin", action="store_true", help="let it administer the server")
    actions.add_parser("list", parents=[shared], help="show every key (never its secret)")
    revoke = actions.add_parser("revoke", parents=[shared], help="refuse a key from now on")
    revoke.add_argument("id", metavar="ID", help="the key's public id, as 'keys list' shows it")
