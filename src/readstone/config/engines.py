"""The sections of engines, one class for each type."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta

from readstone.core.errors import ConfigurationError

REFUSED: Final = {
    "api_key": "a key is not kept in clear where the settings are. Name the environment variable that holds it "
    "with 'api_key_env', or the file with 'api_key_file'.",
}
"""Settings that look as if they were there, and what to do instead."""

Positive: TypeAlias = Annotated[int, Meta(ge=1)]
NotNegative: TypeAlias = Annotated[int, Meta(ge=0)]
Concurrency: TypeAlias = Annotated[
    int, Meta(ge=1, description="Requests that it answers at once; the next ones wait.")
]
Queue: TypeAlias = Annotated[
    int, Meta(ge=0, description="Requests that may wait; one more is refused with 503.")
]
Formats: TypeAlias = Annotated[
    tuple[Literal["jpeg", "png", "webp", "bmp"], ...],
    Meta(min_length=1, description="Formats of images it takes; others are made one of these."),
]
FirstSeconds: TypeAlias = Annotated[
    float, Meta(gt=0, description="Longest time until an answer begins, prompt and queue included.")
]
SilenceSeconds: TypeAlias = Annotated[
    float, Meta(gt=0, description="Longest time between two pieces of an answer.")
]
Refuses: TypeAlias = Annotated[
    tuple[str, ...],
    Meta(description="Properties of a request it would ignore; they are refused instead."),
]
IGNORED = (
    "audio",
    "function_call",
    "functions",
    "modalities",
    "moderation",
    "prediction",
    "prompt_logprobs",
    "return_progress",
    "return_token_ids",
    "service_tier",
    "store",
    "verbosity",
    "web_search_options",
)
"""What vLLM 0.32 and llama.cpp b11549 take and do not look at, by their sources, or answer beside the choices of a chunk,
of which only the last is passed on."""
Flags: TypeAlias = Annotated[
    tuple[str, ...], Meta(description="Further flags of its command line, as they are; they win.")
]
Command: TypeAlias = Annotated[
    tuple[str, ...],
    Meta(description="The program to run instead, with what comes before our flags."),
]
Inherit: TypeAlias = Annotated[
    tuple[str, ...],
    Meta(description="Environment variables it gets besides those every engine's process gets."),
]
StartSeconds: TypeAlias = Annotated[
    float, Meta(gt=0, description="Longest time until it answers; then it is started again.")
]
StopSeconds: TypeAlias = Annotated[
    float, Meta(ge=0, description="How long it may take to end before it is killed.")
]
Restarts: TypeAlias = Annotated[
    int,
    Meta(
        ge=0, description="Failures in a row, each later than the last, after which it is given up."
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class HTTPConfig:
    """An OpenAI-compatible server that runs elsewhere, or several that serve the same."""

    type: Annotated[Literal["http"], Meta(description="An OpenAI-compatible server.")] = "http"
    url: Annotated[
        str | None,
        Meta(description="Base URL, `http://HOST:PORT/v1`, `https://…` or `unix:/SOCKET:/v1`."),
    ] = None
    urls: Annotated[
        tuple[str, ...],
        Meta(description="Instead of `url`: base URLs of several servers of the same models."),
    ] = ()
    api_key_env: Annotated[
        str | None, Meta(description="The environment variable that holds the server's key.")
    ] = None
    api_key_file: Annotated[
        Path | None, Meta(description="The file that holds the server's key and nothing else.")
    ] = None
    headers: Annotated[
        dict[str, str], Meta(description="Headers that go with every request to the server.")
    ] = field(default_factory=dict[str, str])
    ca_file: Annotated[
        Path | None,
        Meta(description="Certificates (PEM) to trust for `https`; the system's where not set."),
    ] = None
    discover: Annotated[
        bool, Meta(description="Whether the models the server lists are served under their names.")
    ] = False
    discover_seconds: Annotated[
        float, Meta(ge=1, description="How often the server is asked what it lists.")
    ] = 30.0
    formats: Formats = ("jpeg", "png")
    refuses: Refuses = ()
    concurrency: Concurrency = 1024
    queue: Queue = 256
    health_path: Annotated[
        str,
        Meta(
            pattern="^/[!-~]*$",
            description="What is asked to see whether the server is well; any answer below 500 is.",
        ),
    ] = "/health"
    health_seconds: Annotated[
        float, Meta(ge=0.5, description="How often it is asked; sooner where it was not well.")
    ] = 10.0
    connect_seconds: Annotated[
        float, Meta(gt=0, description="Longest time a connection may take to be made.")
    ] = 5.0
    first_seconds: FirstSeconds = 600.0
    silence_seconds: SilenceSeconds = 120.0

    def __post_init__(self) -> None:
        if (self.url is None) == (not self.urls):
            raise ConfigurationError("needs either 'url' or 'urls'.")
        addresses = self.urls or (self.url,)
        if len({*addresses}) < len(addresses):
            raise ConfigurationError("names one server twice in 'urls'.")
        if self.ca_file and not any(str(each).startswith("https:") for each in addresses):
            raise ConfigurationError("takes a 'ca_file' for https only, and has no such address.")
        if self.api_key_env and self.api_key_file:
            raise ConfigurationError("takes 'api_key_env' or 'api_key_file', not both.")
        if any(name.lower() == "authorization" for name in self.headers):
            raise ConfigurationError(
                "takes no header 'Authorization': set 'api_key_env' or 'api_key_file'."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class LlamaCppConfig:
    """llama.cpp's server as a process of ours."""

    type: Annotated[
        Literal["llamacpp"], Meta(description="llama.cpp's server, run and watched by this one.")
    ] = "llamacpp"
    model: Annotated[
        str, Meta(description="A GGUF file, or `owner/repository:file.gguf` of the hub.")
    ]
    mmproj: Annotated[
        str | None, Meta(description="The GGUF file that lets the model see images.")
    ] = None
    context: Annotated[
        int, Meta(ge=1, description="Tokens of prompt and answer, for each answer.")
    ] = 8192
    concurrency: Annotated[
        int, Meta(ge=1, description="Answers at once; each needs memory for its context.")
    ] = 2
    queue: Queue = 256
    threads: Annotated[
        Positive | None, Meta(description="Threads that compute; its own choice where not set.")
    ] = None
    gpu_layers: Annotated[
        NotNegative | None, Meta(description="Layers on a GPU; its own choice where not set.")
    ] = None
    image_tokens: Annotated[
        Positive | None,
        Meta(description="Most tokens an image may take; the model's where not set."),
    ] = None
    cache_megabytes: Annotated[
        int, Meta(ge=0, description="Memory for prompts seen before, beyond those that run.")
    ] = 0
    formats: Formats = ("jpeg", "png")
    refuses: Refuses = IGNORED
    flags: Flags = ()
    command: Command = ()
    inherit: Inherit = ()
    start_seconds: StartSeconds = 600.0
    stop_seconds: StopSeconds = 10.0
    restarts: Restarts = 10
    first_seconds: FirstSeconds = 600.0
    silence_seconds: SilenceSeconds = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class VLLMConfig:
    """vLLM as a process of ours, installed in an environment of its own."""

    type: Annotated[Literal["vllm"], Meta(description="vLLM, run and watched by this server.")] = (
        "vllm"
    )
    model: Annotated[str, Meta(description="A hub id or the directory of a model.")]
    python: Annotated[
        str | None,
        Meta(
            description="The Python of the environment vLLM is in; else the `vllm` of PATH is run."
        ),
    ] = None
    context: Annotated[
        Positive | None,
        Meta(description="Tokens of prompt and answer; the model's where not set."),
    ] = None
    sequences: Annotated[
        Positive | None,
        Meta(description="Answers it computes at once; its own choice where not set."),
    ] = None
    images: Annotated[
        NotNegative | None, Meta(description="Most images of one request; fewer save memory.")
    ] = None
    concurrency: Concurrency = 256
    queue: Queue = 256
    formats: Formats = ("jpeg", "png", "webp")
    refuses: Refuses = IGNORED
    flags: Flags = ()
    command: Command = ()
    inherit: Inherit = ()
    offline: Annotated[
        bool, Meta(description="Whether it is kept off the network: its model is there already.")
    ] = False
    start_seconds: StartSeconds = 1200.0
    stop_seconds: StopSeconds = 10.0
    restarts: Restarts = 10
    first_seconds: FirstSeconds = 600.0
    silence_seconds: SilenceSeconds = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolConfig:
    """Several engines that serve the same models, as one."""

    type: Annotated[Literal["pool"], Meta(description="Several engines as one.")] = "pool"
    engines: Annotated[
        tuple[str, ...],
        Meta(min_length=1, description="Names of its members; they answer through it only."),
    ]
    queue: Queue = 256
    attempts: Annotated[
        int,
        Meta(ge=1, description="Most members one request is tried on before any of it is sent."),
    ] = 3
    attempt_seconds: Annotated[
        float, Meta(ge=0, description="No try begins later than this after the first.")
    ] = 10.0
    failures: Annotated[
        int, Meta(ge=1, description="Failures in a row after which a member is left out.")
    ] = 5
    rest_seconds: Annotated[
        float,
        Meta(
            gt=0,
            description="How long it is left out at first; twice as long each time it fails on.",
        ),
    ] = 1.0
    longest_rest_seconds: Annotated[
        float,
        Meta(
            gt=0,
            description="How long it is left out at most; of its Retry-After, no more is heeded.",
        ),
    ] = 60.0


ServerConfig: TypeAlias = HTTPConfig | LlamaCppConfig | VLLMConfig
"""A section of an engine that has a server."""

EngineConfig: TypeAlias = ServerConfig | PoolConfig
"""An `[engines.<name>]` section, told apart by its `type`."""
