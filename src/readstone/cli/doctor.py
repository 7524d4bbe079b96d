"""`readstone doctor`: see doctor.py above."""

import argparse
from typing import Final

from readstone.cli.setting import configure
from readstone.options import add_engine_options

EPILOG: Final = ""


def add_options(parser: argparse.ArgumentParser, shared: argparse.ArgumentParser) -> None:
    """Let the parser take what `doctor` takes."""
    del shared
    add_engine_options(parser)


def run(options: argparse.Namespace) -> int:
    """Look at everything; 0 where all is well."""
    import uvloop

    from readstone.doctor import examine

    return uvloop.run(examine(configure(options)))
