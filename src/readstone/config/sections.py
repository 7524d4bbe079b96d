"""The sections of images by URL, of the reader and of the hub."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta


@dataclass(frozen=True, slots=True)
class FetchConfig:
    """Images by URL: from where, how many, how long."""

    enabled: Annotated[
        bool, Meta(description="Whether images are fetched by URL; if not, URLs are refused.")
    ] = True
    allowed_hosts: Annotated[
        tuple[str, ...],
        Meta(description="Hosts of your own: reached on any port, at private addresses too."),
    ] = ()
    allowed_networks: Annotated[
        tuple[str, ...],
        Meta(description="Networks (CIDR) that any name may lead to although they are not public."),
    ] = ()
    proxy: Annotated[
        str | None,
        Meta(description="HTTP proxy that carries every fetch; it must refuse private addresses."),
    ] = None
    images_per_request: Annotated[
        int, Meta(ge=0, description="Most images of one request that are given by URL.")
    ] = 8
    concurrency: Annotated[
        int, Meta(ge=1, le=1024, description="Images fetched at once, over all requests.")
    ] = 32
    total_seconds: Annotated[
        float, Meta(gt=0, description="Longest time one fetch may take, redirects included.")
    ] = 30.0
    connect_seconds: Annotated[
        float, Meta(gt=0, description="Longest time one connection may take to be made.")
    ] = 5.0
    cache_megabytes: Annotated[
        int, Meta(ge=0, description="Memory for images fetched a moment ago; 0 keeps none.")
    ] = 64
    cache_seconds: Annotated[
        float, Meta(ge=0, description="How long such an image is kept; 0 keeps none.")
    ] = 60.0


@dataclass(frozen=True, slots=True)
class ReaderConfig:
    """The reader and its worker process."""

    threads: Annotated[
        int, Meta(ge=0, le=512, description="Threads that read; 0 means one for each core.")
    ] = 0
    concurrency: Annotated[
        int, Meta(ge=0, description="Requests read at once; 0 means two for each thread.")
    ] = 0
    queue: Annotated[
        int, Meta(ge=0, description="Requests that may wait; one more is refused with 503.")
    ] = 64
    page_seconds: Annotated[
        float, Meta(gt=0, description="Longest time one page may take before it fails with 504.")
    ] = 120.0
    start_seconds: Annotated[
        float, Meta(gt=0, description="Longest time the worker may take to load its models.")
    ] = 60.0
    recycle_pages: Annotated[
        int, Meta(ge=1, description="Pages after which the worker is replaced by a fresh one.")
    ] = 5000
    recycle_megabytes: Annotated[
        int, Meta(ge=256, description="Resident memory at which the worker is replaced.")
    ] = 2048
    memory_megabytes: Annotated[
        int,
        Meta(
            ge=0,
            description="Memory the worker never takes more of: it ends first; 0 means 4096, and 1024 for each thread, or three quarters of the machine's where that is less.",
        ),
    ] = 0
    cache_megabytes: Annotated[
        int, Meta(ge=0, description="Memory for lines of pages read a moment ago; 0 keeps none.")
    ] = 32
    cache_seconds: Annotated[
        float, Meta(ge=0, description="How long such lines are kept, for their own key only.")
    ] = 60.0


@dataclass(frozen=True, slots=True)
class HubConfig:
    """Where engines of ours get model files from that are named by a hub's id."""

    endpoint: Annotated[
        str, Meta(description="The hub that GGUF files are fetched from, or a mirror of it.")
    ] = "https://huggingface.co"
    token_env: Annotated[
        str, Meta(description="The environment variable that may hold a token for it.")
    ] = "HF_TOKEN"  # noqa: S105  (a name)
