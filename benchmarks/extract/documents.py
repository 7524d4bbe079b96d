"""The development documents: each with its set, and the schema that it is asked for."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.extract.reading import INPUTS

SETS: Final = ("receipts", "forms_invoices")


def documents(data: Path) -> Iterator[tuple[str, Path, object]]:
    """Each document with a truth: the prefix of its schema, its path, the schema."""
    for name in SETS:
        folder = data / name
        schemas = json.loads((folder / "schemas.json").read_text("utf-8"))
        for path in sorted((folder / "dev").iterdir()):
            prefix = next((each for each in schemas if path.name.startswith(each)), None)
            if path.suffix in INPUTS and prefix and path.with_suffix(".json").exists():
                yield prefix, path, schemas[prefix]
