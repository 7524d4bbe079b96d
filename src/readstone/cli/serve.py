"""`readstone serve`: the server, from its first key to its end."""

import argparse
import time
from typing import TYPE_CHECKING, Final

from readstone import __version__
from readstone.cli.setting import configure, source_of
from readstone.config import Source
from readstone.core.grant import Grant
from readstone.core.key import mint
from readstone.core.scope import ADMIN, API
from readstone.options import add_engine_options
from readstone.store.opening import open_store

if TYPE_CHECKING:
    from readstone.config import Config
    from readstone.server import Announced

EPILOG: Final = """\
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


def add_options(parser: argparse.ArgumentParser, shared: argparse.ArgumentParser) -> None:
    """Let the parser take what `serve` takes."""
    del shared
    parser.add_argument("--host", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", help="port to listen on (8000); 0 takes a free one")
    parser.add_argument(
        "--demo", action="store_true", help="read a sample page through the API once it serves"
    )
    parser.add_argument(
        "--workers",
        metavar="N",
        help="API processes that share the port, one reader and all limits (1)",
    )
    add_engine_options(parser)


def run(options: argparse.Namespace) -> int:
    """Serve until told to stop."""
    import uvloop

    uvloop.run(_serve(configure(options), source_of(options), demo=options.demo))
    return 0


async def _serve(config: "Config", source: Source, *, demo: bool) -> None:
    from readstone.announcement import announce
    from readstone.demo import show_first_page
    from readstone.server import serve

    async def visit(address: str, run: "Announced") -> None:
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

    await serve(config, source, visit)
