"""`python -m benchmarks.extract.templates`: what invoice2data finds of the same PDFs with the templates it comes with.

It is run by another Python, where `pip install invoice2data pypdfium2` was done: it is no dependency of this project. It
takes the text that a PDF holds, and answers only for firms that somebody wrote a template for.
"""

import argparse
import json
import subprocess
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from benchmarks.extract.documents import documents
from benchmarks.extract.score import Leaf, f1, score

_PROGRAM: Final = """
import json, logging, sys
from invoice2data import extract_data
from invoice2data.extract.loader import read_templates
from invoice2data.input import pdfium
logging.disable()
templates = read_templates()
for path in sys.stdin.read().splitlines():
    try:
        found = extract_data(path, templates=templates, input_module=pdfium)
    except Exception:  # whatever it fails with, it found nothing
        found = None
    print(json.dumps({key: str(value) for key, value in (found or {}).items()}), flush=True)
"""
_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "invoice_no": ("invoice_number",),
    "invoice_date": ("date",),
    "due_date": ("date_due",),
    "total": ("amount",),
    "total_untaxed": ("amount_untaxed",),
    "tax_amount": ("amount_tax",),
    "currency": ("currency",),
    "seller_name": ("partner_name", "issuer"),
    "supplier": ("partner_name", "issuer"),
}
"""Our fields by the names it gives them."""


def main() -> None:
    """Run it over every PDF with a truth, and print F1 of single fields by set."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.extract.templates")
    parser.add_argument(
        "--data", type=Path, required=True, help="as of python -m benchmarks.extract"
    )
    parser.add_argument("--python", type=Path, required=True, help="a Python that has invoice2data")
    options = parser.parse_args()
    papers = [
        (prefix, path) for prefix, path, _ in documents(options.data) if path.suffix == ".pdf"
    ]
    done = subprocess.run(
        [options.python, "-c", _PROGRAM],
        input="\n".join(str(path) for _, path in papers),
        capture_output=True,
        text=True,
        check=True,
    )
    leaves: dict[str, list[Leaf]] = defaultdict(list)
    answered: dict[str, int] = defaultdict(int)
    for (prefix, path), line in zip(papers, done.stdout.splitlines(), strict=True):
        found: dict[str, str] = json.loads(line)
        answered[prefix] += bool(found)
        truth = json.loads(path.with_suffix(".json").read_text("utf-8"))
        given = {
            field: next((found[name] for name in names if name in found), None)
            for field, names in _NAMES.items()
        }
        leaves[prefix] += [leaf for leaf in score(truth, given) if "." not in leaf.field]
    for prefix, every in leaves.items():
        strict, fuzzy = f1(every, strict=True), f1(every, strict=False)
        count = sum(name == prefix for name, _ in papers)
        print(f"{prefix}: {strict:.3f} / {fuzzy:.3f}, {answered[prefix]} of {count} PDFs answered")


if __name__ == "__main__":
    main()
