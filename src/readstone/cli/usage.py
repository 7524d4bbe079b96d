"""`readstone usage`: what keys used and what it cost."""

import argparse
import asyncio
import sys
from typing import Final

from readstone.cli.setting import configure
from readstone.core.errors import InvalidRequest
from readstone.report import add_usage_options, report_usage
from readstone.store.opening import open_store

EPILOG: Final = """\
examples:
  readstone usage                            this month, by key and model
  readstone usage --by day --since 2026-11-01 --until 2026-11-30
  readstone usage --key ID --by day,model --csv > november.csv
"""


def add_options(parser: argparse.ArgumentParser, shared: argparse.ArgumentParser) -> None:
    """Let the parser take what `usage` takes."""
    del shared
    add_usage_options(parser)


def run(options: argparse.Namespace) -> int:
    """Print the totals; 2 where a key or days were asked for that there are not."""
    try:
        asyncio.run(_report(options))
    except InvalidRequest as error:
        print(f"readstone: {error}", file=sys.stderr)
        return 2
    return 0


async def _report(options: argparse.Namespace) -> None:
    config = configure(options)
    store = await open_store(config)
    try:
        await report_usage(options, store, config.ledger.currency)
    finally:
        await store.close()
