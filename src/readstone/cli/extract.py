"""`readstone extract`: see desk/extracting.py."""

import argparse
from typing import Final

import uvloop

from readstone.cli.setting import configure
from readstone.desk.extracting import add_extracting, extract_files

EPILOG: Final = """\
examples:
  readstone extract bill.pdf --schema '{"number": "Invoice number", "total": "Total"}'
      the values as JSON on stdout; what is not printed on the page is null
  readstone extract bill.jpg --schema 'date, total, tax' --overlay seen.png
      and a picture of the page with a box around each value
  readstone extract bills/ --schema schema.json --jsonl bills.jsonl
      a line for each file, with the words and the box behind every value; stopped and run again, it goes on
  readstone extract report.png --schema schema.json --scene medical
      a medical paper: its sums, dates and statements are checked as such

Exit status: 0, 1 where a file failed or a setting is wrong, 2 for a wrong call. docs/extraction.md says what schemas may hold.
"""


def add_options(parser: argparse.ArgumentParser, shared: argparse.ArgumentParser) -> None:
    """Let the parser take what `extract` takes."""
    del shared
    add_extracting(parser)


def run(options: argparse.Namespace) -> int:
    """Do it, and log trouble only: what works fine is not logged beside its results."""
    return uvloop.run(extract_files(options, configure(options, trouble_only=True)))
