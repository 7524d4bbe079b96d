"""The forms a page's text can have."""

from typing import Literal, TypeAlias

Rendering: TypeAlias = Literal["plain", "layout", "markdown", "markdown-html", "html"]
"""plain: lines of text · layout: columns and spacing kept in monospace · markdown: headings, lists, tables ·
markdown-html: the same with its tables as HTML · html: all of it as HTML."""
