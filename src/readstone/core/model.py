"""A model: a public name with a kind, defaults, limits and the engine that answers for it."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from readstone.core.limit import NO_LIMITS, Limits
from readstone.core.price import FREE, Prices

Kind: TypeAlias = Literal["chat", "vision", "ocr", "extract"]

Family: TypeAlias = Literal["hunyuan-ocr", "qwen2-vl", "qwen3-vl", "llama-vision", "generic"]
"""Vision models that share their prompts and the way they cut an image into tokens.

qwen2-vl: Qwen2-VL and Qwen2.5-VL · llama-vision: Llama 3.2 Vision · generic: every other model.
"""


Profile: TypeAlias = Literal["fast", "balanced", "best"]
"""How much the reader spends on a page: `balanced` gives up nothing that was measurable, `best` asks the large models
for everything, `fast` takes the small ones' word more often."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """What is applied where the client left a property out (contract: one row per kind)."""

    max_tokens: int
    temperature: float
    top_p: float
    stream: bool


KIND_DEFAULTS: dict[Kind, Defaults] = {
    "chat": Defaults(max_tokens=4096, temperature=0.7, top_p=1.0, stream=True),
    "vision": Defaults(max_tokens=16384, temperature=0.1, top_p=1.0, stream=True),
    "ocr": Defaults(max_tokens=8192, temperature=0.1, top_p=1.0, stream=False),
    "extract": Defaults(max_tokens=8192, temperature=0.1, top_p=1.0, stream=False),
}
"""Source: contracts for chat, vision and OCR; extract follows ocr."""


@dataclass(frozen=True, slots=True)
class Model:
    """One entry of the catalogue.

    `max_images` bounds the images of one request. `upstream` is the model's name at its engine; `context_length` is
    in tokens, None where only the engine knows it. `fallback` names the models that are asked in turn where the
    engine cannot take the request. `language_model`, of an extract model, names the chat or vision model that finds
    the values among the lines that its engine reads, and `shows_pages` that it is sent the images too; without one they
    are found by labels and places. `limits` are those
    of each key at this model, `prices` what it costs. `profile` is how the reader reads for it.
    """

    id: str
    kind: Kind
    engine: str
    defaults: Defaults
    max_images: int
    aliases: tuple[str, ...] = field(default=())
    upstream: str = ""
    context_length: int | None = None
    fallback: tuple[str, ...] = field(default=())
    family: Family | None = None
    language_model: str | None = None
    shows_pages: bool = False
    limits: Limits = NO_LIMITS
    prices: Prices = FREE
    profile: Profile = "balanced"

    @property
    def name_at_engine(self) -> str:
        """What the engine calls it: `upstream`, or its own id."""
        return self.upstream or self.id


@dataclass(frozen=True, slots=True)
class Offer:
    """A model that an engine says it serves: its name there, what it is for, its tokens of context where told.

    `aliases` are other names that the engine takes for it.
    """

    name: str
    kind: Kind
    context_length: int | None = None
    aliases: tuple[str, ...] = ()
