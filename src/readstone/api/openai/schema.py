"""The wire shapes of the OpenAI protocol (OpenAI specification 2.3.0, contract: chat)."""

from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from readstone.core.chat import FinishReason, Role
from readstone.core.model import Profile

TokenCount: TypeAlias = Annotated[int, Meta(ge=1, le=2**31 - 1)]
"""Tokens of an answer; engines hold them in 32 bits, and what is more comes out of some as something else."""
JSONObject: TypeAlias = dict[str, Any]
"""A member whose inside is the engine's business; it travels on as it came."""


class Text(msgspec.Struct, tag_field="type", tag="text"):
    """A text part."""

    text: str


class Refusal(msgspec.Struct, tag_field="type", tag="refusal"):
    """A refusal of an earlier answer, sent back as history."""

    refusal: str


class ImageAddress(msgspec.Struct):
    """Where an image is; `detail` is accepted and has no effect (contract)."""

    url: str
    detail: str | None = None


class ImageURL(msgspec.Struct, tag_field="type", tag="image_url"):
    """An image part."""

    image_url: ImageAddress


class FileContent(msgspec.Struct):
    """A file, inside the request or kept by the server."""

    file_data: str | None = None
    filename: str | None = None
    file_id: str | None = None


class File(msgspec.Struct, tag_field="type", tag="file"):
    """A file part."""

    file: FileContent


class InputAudio(msgspec.Struct, tag_field="type", tag="input_audio"):
    """An audio part; refused with a clear error."""

    input_audio: JSONObject


ContentPart: TypeAlias = Text | Refusal | ImageURL | File | InputAudio


class RequestMessage(msgspec.Struct):
    """One turn of the conversation."""

    role: Role
    content: str | list[ContentPart] | None = None
    name: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[JSONObject] | None = None
    tool_call_id: str | None = None
    function_call: JSONObject | None = None
    audio: JSONObject | None = None


class StreamOptions(msgspec.Struct, forbid_unknown_fields=True):
    """How a stream is sent: by us, so that no engine is told and what we do not know is refused."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None
    continuous_usage_stats: bool | None = None


class PlainMessage(msgspec.Struct, forbid_unknown_fields=True):
    """A turn that is words and nothing else."""

    role: Role
    content: str


class PlainRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What most requests are: no more than words, and properties that no engine is sent as they came."""

    model: Annotated[str, Meta(min_length=1)]
    messages: Annotated[list[PlainMessage], Meta(min_length=1)]
    max_completion_tokens: TokenCount | None = None
    max_tokens: TokenCount | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None


class ChatCompletionRequest(msgspec.Struct, kw_only=True):
    """Every property of the OpenAI chat request; others are passed to engines that take them."""

    model: Annotated[str, Meta(min_length=1)]
    messages: Annotated[list[RequestMessage], Meta(min_length=1)]
    max_completion_tokens: TokenCount | None = None
    max_tokens: TokenCount | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    audio: JSONObject | None = None
    frequency_penalty: Annotated[float, Meta(ge=-2, le=2)] | None = None
    function_call: str | JSONObject | None = None
    functions: list[JSONObject] | None = None
    logit_bias: dict[str, float] | None = None
    logprobs: bool | None = None
    metadata: dict[str, str] | None = None
    modalities: list[str] | None = None
    moderation: JSONObject | None = None
    n: Annotated[int, Meta(ge=1, le=128)] | None = None
    parallel_tool_calls: bool | None = None
    prediction: JSONObject | None = None
    presence_penalty: Annotated[float, Meta(ge=-2, le=2)] | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    reasoning_effort: str | None = None
    response_format: JSONObject | None = None
    safety_identifier: str | None = None
    seed: int | None = None
    service_tier: str | None = None
    stop: str | Annotated[list[str], Meta(max_length=4)] | None = None
    store: bool | None = None
    tool_choice: str | JSONObject | None = None
    tools: list[JSONObject] | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    user: str | None = None
    verbosity: str | None = None
    web_search_options: JSONObject | None = None


class PromptTokensDetails(msgspec.Struct):
    """What the prompt's tokens were; estimated image tokens were derived from the images' sizes."""

    image_tokens: int
    cached_tokens: int
    image_tokens_estimated: bool | UnsetType = UNSET


class CompletionTokensDetails(msgspec.Struct):
    """What the answer's tokens were."""

    reasoning_tokens: int


class UsageBody(msgspec.Struct):
    """Tokens of one request; the prompt's include the images'."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptTokensDetails
    completion_tokens_details: CompletionTokensDetails


class XMetrics(msgspec.Struct):
    """Times of one request, measured by the server, in seconds; `notes` and `profile` say how the answer came to be."""

    ttft_seconds: float
    tps: float
    total_time_seconds: float
    image_seconds: float
    queue_seconds: float
    engine: str
    notes: list[str] | UnsetType = UNSET
    profile: Profile | UnsetType = UNSET


class AnswerMessage(msgspec.Struct):
    """The answer's message; an engine may add members of its own."""

    role: Literal["assistant"]
    content: str | None
    refusal: str | None = None
    reasoning_content: str | UnsetType = UNSET
    tool_calls: list[JSONObject] | UnsetType = UNSET


class Choice(msgspec.Struct):
    """One choice of a whole answer."""

    index: int
    message: AnswerMessage
    finish_reason: FinishReason
    logprobs: JSONObject | None = None


class Head(msgspec.Struct):
    """What an answer or a chunk begins with."""

    id: str
    object: str
    created: int
    model: str
    system_fingerprint: str


class ChatCompletion(msgspec.Struct):
    """A whole answer."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    system_fingerprint: str
    choices: list[Choice]
    usage: UsageBody
    x_metrics: XMetrics


class Delta(msgspec.Struct, omit_defaults=True):
    """What a chunk adds to the message; the first one carries the role, an engine may add members of its own."""

    role: Literal["assistant"] | UnsetType = UNSET
    content: str | UnsetType | None = UNSET
    refusal: str | UnsetType | None = UNSET
    reasoning_content: str | UnsetType | None = UNSET
    tool_calls: list[JSONObject] | UnsetType | None = UNSET


class ChunkChoice(msgspec.Struct):
    """One choice of a chunk."""

    index: int
    delta: Delta
    finish_reason: FinishReason | None = None
    logprobs: JSONObject | None = None


class ChatCompletionChunk(msgspec.Struct):
    """One event of a streamed answer."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    system_fingerprint: str
    choices: list[ChunkChoice]
    usage: UsageBody | UnsetType | None = UNSET
    x_metrics: XMetrics | UnsetType = UNSET


class DefaultsBody(msgspec.Struct):
    """What is applied where a request leaves a property out."""

    max_tokens: int
    temperature: float
    top_p: float
    stream: bool


class ModelBody(msgspec.Struct, omit_defaults=True):
    """One model of the catalogue; an alias names the model it stands for."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    kind: str
    engine: str
    engine_state: str
    max_images: int
    defaults: DefaultsBody
    context_length: int | UnsetType = UNSET
    alias_of: str | UnsetType = UNSET


class ModelList(msgspec.Struct):
    """Every model of the catalogue."""

    object: Literal["list"]
    data: list[ModelBody]
