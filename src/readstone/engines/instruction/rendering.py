"""The forms a page's text can have."""

from typing import Literal, TypeAlias

Rendering: TypeAlias = Literal["plain", "layout", "markdown"]
"""plain: lines of text · layout: columns and spacing kept in monospace · markdown: headings, lists, tables."""
