"""Every setting by name: for variables, for error messages and for the documents."""

from collections.abc import Iterator
from dataclasses import dataclass

from readstone.config.root import Config
from readstone.config.shape import ONLY, defaults, hints, is_list, leaf, section_of, variants

PREFIX = "READSTONE_"
"""What every variable's name begins with."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One leaf of the configuration: its dotted name, its variable where it has one, its sentence, its default.

    `is_list` says that its value is several texts, which a variable parts by commas. `type` is that of the engines
    that have it, '' for what belongs to no engine.
    """

    name: str
    variable: str | None
    sentence: str
    default: object
    is_list: bool = False
    type: str = ""


def settings(section: type = Config, prefix: str = "", kind: str = "") -> Iterator[Setting]:
    """Every setting, in the order of the classes.

    A model's are named `models.<id>.…`; an engine's `engines.<name>.…`, once for each type of engine that has it.
    """
    fallbacks = defaults(section)
    for name, hint in hints(section).items():
        dotted = f"{prefix}{name}"
        named = variants(hint)
        if (inner := section_of(hint)) is not None:
            yield from settings(inner, f"{dotted}.", kind)
        elif named is not None:
            for variant, entry in named.items():
                own = "<id>" if variant == ONLY else "<name>"
                yield from settings(entry, f"{dotted}.{own}.", variant)
        else:
            form, meta = leaf(hint)
            variable = None if "<" in dotted else PREFIX + dotted.replace(".", "_").upper()
            said = meta.description or ""
            yield Setting(dotted, variable, said, fallbacks.get(name), is_list(form), kind)
