"""The family of a vision model: models that share their prompts and the way they cut an image into tokens."""

import re
from typing import Literal, TypeAlias

Family: TypeAlias = Literal["hunyuan-ocr", "qwen2-vl", "qwen3-vl", "llama-vision", "generic"]
"""qwen2-vl: Qwen2-VL and Qwen2.5-VL · llama-vision: Llama 3.2 Vision · generic: every other model."""

_NAMES: tuple[tuple[re.Pattern[str], Family], ...] = (
    (re.compile(r"hunyuan[-_. ]?ocr"), "hunyuan-ocr"),
    (re.compile(r"qwen[-_. ]?2([.-]5)?[-_. ]?vl"), "qwen2-vl"),
    (re.compile(r"qwen[-_. ]?3[-_. ]?vl"), "qwen3-vl"),
    (re.compile(r"llama[-_. ]?3[.-]2[-_. ]?(\d+b[-_. ]?)?vision"), "llama-vision"),
)


def family_of(name: str) -> Family:
    """The family a model's name at its engine tells, in any spelling of hubs and local servers, else generic."""
    lower = name.lower()
    for pattern, family in _NAMES:
        if pattern.search(lower):
            return family
    return "generic"
