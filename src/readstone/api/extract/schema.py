"""The shapes of image extraction on the wire (contract: extract)."""

from typing import Literal, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from readstone.core.extraction import CheckStatus, Match, Scalar, Scene

Include: TypeAlias = Literal["grounding", "checks", "text"]


class ExtractForm(msgspec.Struct):
    """The form's fields; `include` may come several times, and `ungrounded` is `keep` only with grounding."""

    model: str
    image: bytes
    prompt: str
    scene: Scene = "general"
    include: list[Include] = []
    ungrounded: Literal["null", "keep"] = "null"


class BaseResp(msgspec.Struct):
    """How it went: 0 and `success`, or a code and what to do about it."""

    status_code: int
    status_msg: str


class ExtractUsage(msgspec.Struct):
    """Tokens of the request: the image's and the prompt's, and those of `content`."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Place(msgspec.Struct):
    """Where something stands: on a page, from 1: left, top, right, bottom.

    In pixels of the image as it was sent, EXIF orientation applied, whichever way up its text stands.
    """

    page: int
    box: tuple[float, float, float, float]
    text: str


class Leaf(msgspec.Struct):
    """A value with the words it was read from; `page` and `box` as in Place, null where `match` is ungrounded."""

    value: Scalar
    text: str | None
    page: int | None
    box: tuple[float, float, float, float] | None
    ocr_confidence: float
    extract_confidence: float
    match: Match


class CheckBody(msgspec.Struct):
    """A rule held against what is printed: its two sides, the fields it is about, where its words stand."""

    name: str
    status: CheckStatus
    left: Scalar
    right: Scalar
    paths: list[str]
    evidence: list[Place]


class ExtractionBody(msgspec.Struct):
    """What was asked for by `include`: `fields` by their path in the content (`items[0].total`), `checks`, `text`."""

    fields: dict[str, Leaf] | UnsetType = UNSET
    checks: list[CheckBody] | UnsetType = UNSET
    text: str | UnsetType = UNSET


class ExtractAnswer(msgspec.Struct):
    """Every answer; `content` is compact JSON in a string, empty where there was an error."""

    content: str
    usage: ExtractUsage
    base_resp: BaseResp
    extraction: ExtractionBody | UnsetType = UNSET
