"""What the user asks a local reader for, understood from the words of the instruction."""

from typing import Literal, TypeAlias

Rendering: TypeAlias = Literal["plain", "layout", "markdown"]
"""plain: lines of text · layout: columns and spacing kept in monospace · markdown: headings, lists, tables."""


def understand(text: str) -> Rendering:
    """The rendering an instruction asks for; plain where it asks for nothing else.

    Raises `InvalidRequest` (param `messages`, code `unsupported_instruction`) for what a reader cannot do.
    """
    folded = text.casefold()
    if "markdown" in folded or "table" in folded:
        return "markdown"
    return "layout" if "layout" in folded or "structure" in folded else "plain"
