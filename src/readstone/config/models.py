"""The sections of models: what is served under which name, and what is applied where a client says nothing."""

from dataclasses import dataclass, field
from typing import Annotated

from msgspec import Meta

from readstone.config.limits import KeyLimitsConfig
from readstone.core.model import Family, Kind, Profile
from readstone.core.price import Prices


@dataclass(frozen=True, slots=True)
class DefaultsConfig:
    """What is applied where a client left a property out; the kind's own value where not set."""

    max_tokens: Annotated[
        Annotated[int, Meta(ge=1)] | None, Meta(description="Most tokens of an answer.")
    ] = None
    temperature: Annotated[
        Annotated[float, Meta(ge=0, le=2)] | None,
        Meta(description="Sampling temperature, 0 to 2."),
    ] = None
    top_p: Annotated[
        Annotated[float, Meta(ge=0, le=1)] | None, Meta(description="Nucleus sampling, 0 to 1.")
    ] = None
    stream: Annotated[bool | None, Meta(description="Whether an answer streams.")] = None


@dataclass(frozen=True, slots=True)
class PricesConfig:
    """What a model costs, in `ledger.currency`."""

    prompt: Annotated[float, Meta(ge=0, description="Price of a million tokens of the prompt.")] = (
        0.0
    )
    completion: Annotated[
        float, Meta(ge=0, description="Price of a million tokens of the answer.")
    ] = 0.0
    image: Annotated[
        Annotated[float, Meta(ge=0)] | None,
        Meta(description="Of a million image tokens; as `prompt` where not set."),
    ] = None
    cached: Annotated[
        Annotated[float, Meta(ge=0)] | None,
        Meta(description="Of a million cached tokens; as `prompt` where not set."),
    ] = None
    pages: Annotated[
        float, Meta(ge=0, description="Price of a thousand images or pages, beside their tokens.")
    ] = 0.0

    @property
    def prices(self) -> Prices:
        """The same for the ledger."""
        return Prices(self.prompt, self.completion, self.image, self.cached, self.pages)


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """One model of the catalogue, or a change to an embedded one."""

    kind: Annotated[
        Kind | None, Meta(description="chat, vision, ocr or extract; required for a new model.")
    ] = None
    engine: Annotated[
        str | None, Meta(description="The engine that answers; required for a new model.")
    ] = None
    upstream: Annotated[
        str | None, Meta(description="What the engine calls the model; its own id where not set.")
    ] = None
    family: Annotated[
        Family | None,
        Meta(description="Whose prompts and image tokens apply; told by its name where not set."),
    ] = None
    aliases: Annotated[
        tuple[str, ...], Meta(description="Other names clients may call it by.")
    ] = ()
    max_images: Annotated[int, Meta(ge=1, description="Most images and PDFs of one request.")] = 16
    context_length: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(
            description="Tokens of prompt and answer, as clients are told; of vLLM its `context` where not set."
        ),
    ] = None
    profile: Annotated[
        Profile | None,
        Meta(
            description="Of a model of the reader: fast, balanced or best; balanced where not set."
        ),
    ] = None
    fallback: Annotated[
        tuple[str, ...],
        Meta(description="Models asked in turn where the engine cannot take a request."),
    ] = ()
    language_model: Annotated[
        str | None,
        Meta(
            description="Of an extract model: the chat or vision model that finds the values in what is read."
        ),
    ] = None
    show_pages: Annotated[
        bool,
        Meta(
            description="Send the images to the language model of an extract model too, where that is of kind vision."
        ),
    ] = False
    limits: KeyLimitsConfig = field(default_factory=KeyLimitsConfig)
    prices: PricesConfig = field(default_factory=PricesConfig)
    defaults: DefaultsConfig = field(default_factory=DefaultsConfig)
