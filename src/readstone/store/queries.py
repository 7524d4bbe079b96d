"""The statements of queries.sql by name, and the migrations of each kind of store in their order."""

import re
from importlib.resources import files

_NAMED = re.compile(r"-- name: (\w+)\n(.*?;)", re.DOTALL)


def read_queries() -> dict[str, str]:
    """Every statement, as SQLite takes it: named values are written `:name`."""
    return dict(_NAMED.findall(files("readstone.store").joinpath("queries.sql").read_text()))


def read_migrations(kind: str) -> list[str]:
    """The scripts of a folder, such as `sqlite` or `postgres`; the schema's version is how many were applied."""
    folder = files("readstone.store").joinpath("migrations", kind)
    named = [(entry.name, entry.read_text()) for entry in folder.iterdir()]
    return [text for name, text in sorted(named) if name.endswith(".sql")]
