"""The command line: serve · read · extract · keys · models · usage · doctor."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import uvloop

from readstone import __version__
from readstone.announcement import announce
from readstone.app import Running, open_store
from readstone.config import READER, Config, HTTPConfig, load_config
from readstone.core.errors import ConfigurationError, EngineFailed, ModelNotFound
from readstone.core.grant import Grant
from readstone.core.key import Key, mint
from readstone.core.model import Model
from readstone.core.scope import ADMIN, API
from readstone.demo import show_first_page
from readstone.desk.extracting import add_extracting, extract_files
from readstone.desk.reading import add_reading, read_files
from readstone.doctor import examine
from readstone.engines.assembly import server_options
from readstone.engines.http.listing import Listing
from readstone.options import add_engine_options, add_limit_options, engine_settings, key_limits
from readstone.report import add_usage_options, report_usage
from readstone.server import serve
from readstone.serving.catalogue import Catalogue, build_catalogue
from readstone.store import Store
from readstone.telemetry import start_logging

_FLAGS = ("host", "port", "data_dir")
_DESK = {"read": read_files, "extract": extract_files}
"""Commands that are about files: what works fine is not logged beside their results."""
_EPILOG = """\
examples:
  readstone serve                            serve on http://127.0.0.1:8000; the first start prints an admin key
  readstone serve --demo                     the same, and read a sample page through the API to begin with
  readstone serve --upstream http://127.0.0.1:11434/v1
                                             the models of a running Ollama too, under our keys and limits
  readstone serve --llm Qwen3-0.6B-Q8_0.gguf run a model here, on llama.cpp
  KEY=$(readstone keys create invoices)      make a key; stdout holds the key and nothing else
  readstone models                           list what would be served
  readstone usage --by day,model --csv       what was used this month, for a spreadsheet
  readstone read scan.pdf                    print what a document says, without a server (--as markdown, --to DIR)
  readstone extract bills/ --schema '{"total": "Total"}' --jsonl bills.jsonl
                                             the values of a folder of documents; run again, it goes on where it was
  readstone doctor                           check this machine, the weights, the engines and the configuration

Settings come from readstone.toml (here, or --config), then READSTONE_* variables, then options;
docs/configuration.md lists them all.
"""
_SERVE_EPILOG = """\
examples:
  readstone serve --upstream http://127.0.0.1:11434/v1
      what Ollama has: its models are found, and found again when you pull another
  GPU_KEY=… readstone serve --upstream https://gpu.example/v1 --upstream-key-env GPU_KEY
      a server that asks for a key
  readstone serve --upstream unix:/run/vllm.sock:/v1
      a vLLM that was started with --uds /run/vllm.sock
  readstone serve --llm model.gguf --mmproj mmproj.gguf --llm-name my/vision-model
      a vision model on llama.cpp, started, watched and stopped by this server
  readstone serve --llm Qwen/Qwen3-0.6B-GGUF:Qwen3-0.6B-Q8_0.gguf
      the same from the Hugging Face hub, fetched once into the data directory

The models of an upstream are served under the names it lists. Other names, other settings, pools and fallbacks:
[engines.<name>] and [models."<id>"] in readstone.toml, see docs/configuration.md.
"""


def run(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit status: 0, 1 where it failed, 2 where it was called wrongly."""
    options = _parser().parse_args(arguments)
    try:
        config = _config(options)
        start_logging(config.log_format, trouble_only=options.command in _DESK)
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
            return await _models(config)
        case "doctor":
            return await examine(config)
        case "read" | "extract":
            return await _DESK[options.command](options, config)
        case _:
            store = await open_store(config)
            try:
                if options.command == "keys":
                    return await _keys(options, config, store)
                await report_usage(options, store, config.ledger.currency)
                return 0
            finally:
                await store.close()


async def _serve(config: Config, *, demo: bool) -> int:
    async def visit(address: str, run: Running) -> None:
        store = await open_store(config)
        try:
            if not await store.list_keys():
                key, written = mint("admin", int(time.time()), Grant((API, ADMIN)))
                await store.add_key(key)
                print(f"Your admin key, shown this once: {written}", flush=True)
            print(f"Readstone {__version__} serves on {address} (API: {address}/docs)", flush=True)
            if demo:
                await show_first_page(address, store)
        finally:
            await store.close()
        await announce(run)

    await serve(config, visit)
    return 0


async def _models(config: Config) -> int:
    rows = [("MODEL", "KIND", "ENGINE", "UPSTREAM", "CONTEXT", "FALLBACK", "ALIASES")]
    _print_table(rows + [_model_row(model) for model in await _catalogue(config)])
    return 0


async def _catalogue(config: Config) -> Catalogue:
    """What would be served; engines that list their models are asked, and told on stderr where they do not answer."""
    catalogue = build_catalogue(config.models, [READER, *config.engines])
    for name, section in config.engines.items():
        if isinstance(section, HTTPConfig) and section.discover:
            try:
                catalogue.offer(name, await Listing(server_options(section)).ask())
            except EngineFailed as error:
                told = f"readstone: engine {name} does not list its models. {error.message}"
                print(told, file=sys.stderr)
    return catalogue


def _model_row(model: Model) -> tuple[str, ...]:
    lists = (", ".join(names) or "-" for names in (model.fallback, model.aliases))
    context = "-" if model.context_length is None else str(model.context_length)
    return model.id, model.kind, model.engine, model.upstream or "-", context, *lists


async def _keys(options: argparse.Namespace, config: Config, store: Store) -> int:
    now = int(time.time())
    match options.action:
        case "create":
            models = tuple(options.model)
            if models:
                catalogue = await _catalogue(config)
                for name in models:
                    catalogue.find(name)
            scopes = (API, ADMIN) if options.admin else (API,)
            key, written = mint(options.name, now, Grant(scopes, models, key_limits(options)))
            await store.add_key(key)
            print(written)
        case "list":
            rows = [("ID", "NAME", "ADMIN", "MODELS", "LIMITS", "CREATED", "STATE")]
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
    grant = key.grant
    admin = "yes" if ADMIN in grant.scopes else "no"
    models = ", ".join(grant.models) or "all"
    return key.public_id, key.name, admin, models, str(grant.limits), created, state


def _print_table(rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


def _config(options: argparse.Namespace) -> Config:
    chosen = {name: value for name in _FLAGS if (value := getattr(options, name, None)) is not None}
    engines = engine_settings(options) if "upstream" in options else {}
    return load_config(options.config, {**chosen, **engines})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="readstone",
        description="A self-hosted server that reads: OCR, vision and chat behind one OpenAI-compatible API.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"readstone {__version__}")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--config", type=Path, metavar="FILE", help="configuration file (TOML)")
    shared.add_argument("--data-dir", metavar="DIR", help="where keys and the ledger are kept")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    server = commands.add_parser(
        "serve",
        parents=[shared],
        help="start the server",
        epilog=_SERVE_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    server.add_argument("--host", help="address to listen on (127.0.0.1)")
    server.add_argument("--port", help="port to listen on (8000); 0 takes a free one")
    server.add_argument(
        "--demo", action="store_true", help="read a sample page through the API once it serves"
    )
    _add_keys(commands.add_parser("keys", help="make, list and revoke API keys"), shared)
    add_engine_options(server)
    models = "list the models that would be served"
    add_engine_options(commands.add_parser("models", parents=[shared], help=models))
    usage = "show what keys used and what it cost"
    add_usage_options(commands.add_parser("usage", parents=[shared], help=usage))
    read = "read files: print their text, or keep it in files"
    add_reading(commands.add_parser("read", parents=[shared], help=read))
    extract = "extract values from files by a schema"
    add_extracting(commands.add_parser("extract", parents=[shared], help=extract))
    doctor = "check that everything here can work, engines included"
    add_engine_options(commands.add_parser("doctor", parents=[shared], help=doctor))
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
    add_limit_options(create)
    add_engine_options(create)
    create.add_argument("--admin", action="store_true", help="let it administer the server")
    actions.add_parser("list", parents=[shared], help="show every key (never its secret)")
    revoke = actions.add_parser("revoke", parents=[shared], help="refuse a key from now on")
    revoke.add_argument("id", metavar="ID", help="the key's public id, as 'keys list' shows it")
