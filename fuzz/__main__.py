"""`python -m fuzz`: let libFuzzer look for input that ends in anything but an answer or a refusal."""
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false, reportMissingModuleSource=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# Atheris is in the dependency group `fuzz` only: its names are unknown to the checker, in this file alone.

import argparse
import hashlib
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Final, cast

import atheris

TARGETS: Final = ("answer", "data_uri", "json_body", "image", "multipart", "pdf")
EPILOG: Final = """\
A finding is whatever is raised beside the errors of core/errors.py, a native crash, an input of more than
60 seconds, or more than 2 GiB of memory. It ends the run with status 77 (a native crash: 139 or so) and
leaves its input under .fuzz/TARGET/findings; give that file as INPUT to see it again. What was learnt stays in
.fuzz/TARGET/corpus and is where the next run goes on.

examples
  ./run fuzz pdf --seconds 600
  ./run fuzz json_body .fuzz/json_body/findings/crash-…
"""


class Options(argparse.Namespace):
    """The command line."""

    target: str
    inputs: list[str]
    seconds: int
    folder: Path


def _options() -> Options:
    parser = argparse.ArgumentParser(
        prog="./run fuzz",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("target", choices=TARGETS, help="what is fed: a file of fuzz/")
    parser.add_argument("inputs", nargs="*", metavar="INPUT", help="try these files and no others")
    parser.add_argument("--seconds", type=int, default=60, help="how long to look (%(default)s)")
    parser.add_argument(
        "--folder", type=Path, default=Path(".fuzz"), help="what is learnt and found (%(default)s)"
    )
    return parser.parse_args(namespace=Options())


def _sow(folder: Path, seeds: list[bytes]) -> Path:
    """Lay the seeds where what was learnt before lies."""
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    (folder / "findings").mkdir(exist_ok=True)
    for seed in seeds:
        (corpus / hashlib.sha1(seed, usedforsecurity=False).hexdigest()).write_bytes(seed)
    return corpus


def main() -> None:
    """Run one target; libFuzzer ends the process."""
    options = _options()
    # Only what is imported in here is watched for new paths.
    with atheris.instrument_imports(include=["readstone", "fuzz"]):
        target = import_module(f"fuzz.{options.target}")
    attempt = cast("Callable[[bytes], None]", target.attempt)
    seeds = cast("Callable[[], list[bytes]]", target.seeds)()
    folder = options.folder / options.target
    corpus = _sow(folder, seeds)
    arguments = [
        *(options.inputs or [str(corpus)]),
        f"-artifact_prefix={folder / 'findings'}/",
        f"-max_total_time={options.seconds}",
        f"-max_len={2 * max(map(len, seeds))}",
        "-timeout=60",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *arguments], attempt)
    atheris.Fuzz()


main()
