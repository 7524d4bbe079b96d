"""The family of a vision model: configured, or told by its name at its engine."""

import re

from readstone.core.model import Family, Model

_NAMES: tuple[tuple[re.Pattern[str], Family], ...] = (
    (re.compile(r"hunyuan[-_. ]?ocr"), "hunyuan-ocr"),
    (re.compile(r"qwen[-_. ]?2([.-]5)?[-_. ]?vl"), "qwen2-vl"),
    (re.compile(r"qwen[-_. ]?3[-_. ]?vl"), "qwen3-vl"),
    (re.compile(r"llama[-_. ]?3[.-]2[-_. ]?(\d+b[-_. ]?)?vision"), "llama-vision"),
)


def model_family(model: Model) -> Family:
    """The family a model is configured to be of, else the one its name at the engine tells."""
    return model.family or family_of(model.name_at_engine)


def family_of(name: str) -> Family:
    """The family a model's name at its engine tells, in any spelling of hubs and local servers, else generic."""
    lower = name.lower()
    for pattern, family in _NAMES:
        if pattern.search(lower):
            return family
    return "generic"
