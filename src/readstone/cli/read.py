"""`readstone read`: see desk/reading.py."""

import argparse
from typing import Final

import uvloop

from readstone.cli.setting import configure
from readstone.desk.reading import add_reading, read_files

EPILOG: Final = """\
examples:
  readstone read scan.pdf                         its text, on stdout
  readstone read table.png --as markdown          headings, lists and tables as markdown
  readstone read form.jpg --as layout             every text at its place, in monospace
  readstone read scans/ --as markdown --to texts/ a file for each, in folders as in scans/; run again, it does the rest
  readstone read scans/ --jsonl scans.jsonl       a line of JSON for each

Exit status: 0, 1 where a file failed or a setting is wrong, 2 for a wrong call. docs/reader.md and docs/layout.md say how it reads.
"""


def add_options(parser: argparse.ArgumentParser, shared: argparse.ArgumentParser) -> None:
    """Let the parser take what `read` takes."""
    del shared
    add_reading(parser)


def run(options: argparse.Namespace) -> int:
    """Do it, and log trouble only: what works fine is not logged beside its results."""
    return uvloop.run(read_files(options, configure(options, trouble_only=True)))
