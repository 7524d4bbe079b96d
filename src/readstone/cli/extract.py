"""`readstone extract`: see desk/extracting.py."""

import argparse
from typing import Final

import uvloop

from readstone.cli.setting import configure
from readstone.desk.extracting import add_extracting, extract_files

EPILOG: Final = ""


def add_options(parser: argparse.ArgumentParser, shared: argparse.ArgumentParser) -> None:
    """Let the parser take what `extract` takes."""
    del shared
    add_extracting(parser)


def run(options: argparse.Namespace) -> int:
    """Do it, and log trouble only: what works fine is not logged beside its results."""
    return uvloop.run(extract_files(options, configure(options, trouble_only=True)))
