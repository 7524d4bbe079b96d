"""`readstone read`: see desk/reading.py."""

import argparse
from typing import Final

import uvloop

from readstone.cli.setting import configure
from readstone.desk.reading import add_reading, read_files

EPILOG: Final = ""


def add_options(parser: argparse.ArgumentParser, shared: argparse.ArgumentParser) -> None:
    """Let the parser take what `read` takes."""
    del shared
    add_reading(parser)


def run(options: argparse.Namespace) -> int:
    """Do it, and log trouble only: what works fine is not logged beside its results."""
    return uvloop.run(read_files(options, configure(options, trouble_only=True)))
