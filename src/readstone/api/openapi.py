"""The OpenAPI document, generated from the wire schemas."""

import re
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec

from readstone import __version__
from readstone.api.admin.keys import PATH as KEYS
from readstone.api.admin.reload import PATH as RELOAD
from readstone.api.admin.reload import ReloadBody
from readstone.api.admin.schema import (
    KeyBody,
    KeyChange,
    KeyList,
    KeyRequest,
    NewKeyBody,
    RotationRequest,
)
from readstone.api.errors import STATUS, ErrorBody
from readstone.api.extract.route import PATH as IMAGE_EXTRACTION
from readstone.api.extract.schema import ExtractAnswer, ExtractForm
from readstone.api.openai import schema
from readstone.api.ops import Health, Readiness
from readstone.api.query import QUERY
from readstone.api.usage import EntryList, UsageList
from readstone.core.errors import sentence

JSON: TypeAlias = dict[str, Any]

_REFERENCE = "#/components/schemas/{name}"
_EVENT = "ChatCompletionEvent"
_NAMED = re.compile(r"{(\w+)}")
_DOOR_STATUSES = (401, 403, 429)
"""What every route that is not public may answer before it is reached."""
_KEY_STATUSES = (400, 401, 403, 404, 413, 503)
_BODY_STATUSES = (400, 401, 403, 404, 409, 413, 429, 502, 503, 504)


@dataclass(frozen=True, slots=True)
class Operation:
    """One route as it is documented; `request`, `answer` and `failure` are wire schemas, a form's parts its members.

    An answer of type `str` is plain text. A request that `may_be_empty` may come without a body; `query` names
    parameters of `QUERY`.
    """

    method: str
    path: str
    summary: str
    answer: type
    request: type | None = None
    public: bool = False
    statuses: tuple[int, ...] = (401,)
    streams: bool = False
    is_form: bool = False
    may_be_empty: bool = False
    query: tuple[str, ...] = ()
    failure: type = ErrorBody


OPERATIONS = (
    Operation(
        "post",
        "/v1/chat/completions",
        "Read images or ask a model, whole or as a stream of server-sent events",
        schema.ChatCompletion,
        schema.ChatCompletionRequest,
        statuses=_BODY_STATUSES,
        streams=True,
    ),
    Operation(
        "post",
        IMAGE_EXTRACTION,
        "Extract the values that a schema in the prompt asks for from an image (a form with the image as a file)",
        ExtractAnswer,
        ExtractForm,
        statuses=(400, 401, 403, 404, 405, 409, 413, 429, 500, 504),
        is_form=True,
        failure=ExtractAnswer,
    ),
    Operation("get", "/v1/models", "List the models and their aliases", schema.ModelList),
    Operation(
        "get",
        "/v1/models/{model}",
        "Describe one model; its id may hold slashes",
        schema.ModelBody,
        statuses=(401, 403, 404),
    ),
    Operation(
        "get",
        "/v1/usage",
        "What the key that asks used",
        UsageList,
        query=("since", "until", "model", "by"),
        statuses=(400, 401, 503),
    ),
    Operation(
        "get",
        "/v1/admin/usage",
        "What every key used",
        UsageList,
        query=("since", "until", "model", "key", "by"),
        statuses=(400, 401, 403, 503),
    ),
    Operation(
        "get",
        "/v1/admin/usage/entries",
        "The requests of the ledger, newest first, in pages",
        EntryList,
        query=("since", "until", "model", "key", "limit", "after"),
        statuses=(400, 401, 403, 503),
    ),
    Operation(
        "post",
        RELOAD,
        "Read the configuration again; what needs a restart is told by name",
        ReloadBody,
        statuses=(400, 401, 403),
    ),
    Operation(
        "post",
        KEYS,
        "Make a key, which can do no more than the one that asks; `key` is told this once",
        NewKeyBody,
        KeyRequest,
        statuses=_KEY_STATUSES,
    ),
    Operation(
        "get",
        KEYS,
        "List keys, oldest first, in pages",
        KeyList,
        query=("owner", "name", "state", "limit", "after"),
        statuses=(400, 401, 403, 503),
    ),
    Operation("get", f"{KEYS}/{{id}}", "Describe one key", KeyBody, statuses=_KEY_STATUSES),
    Operation(
        "patch",
        f"{KEYS}/{{id}}",
        "Change a key from its next request on; what is not given stays",
        KeyBody,
        KeyChange,
        statuses=_KEY_STATUSES,
    ),
    Operation(
        "delete", f"{KEYS}/{{id}}", "Revoke a key, for good", KeyBody, statuses=_KEY_STATUSES
    ),
    Operation(
        "post",
        f"{KEYS}/{{id}}/rotate",
        "Give a key a new secret, told this once; the old one goes on for `grace_seconds`",
        NewKeyBody,
        RotationRequest,
        may_be_empty=True,
        statuses=_KEY_STATUSES,
    ),
    Operation(
        "get",
        "/metrics",
        "What the server has counted, for Prometheus",
        str,
        statuses=(401, 403),
    ),
    Operation("get", "/health", "Whether the process answers", Health, public=True, statuses=()),
    Operation(
        "get",
        "/ready",
        "Whether every engine would answer now (200), or not yet (503)",
        Readiness,
        public=True,
        statuses=(),
    ),
)


def build_document() -> JSON:
    """The whole document, OpenAPI 3.1."""
    types = [operation.answer for operation in OPERATIONS]
    types += [operation.request for operation in OPERATIONS if operation.request]
    types += [schema.ChatCompletionChunk, ErrorBody]
    _, components = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    # A file within a form is its bytes as they are (OpenAPI 3.1.0, 4.8.14.5), which no type of msgspec's says.
    components[ExtractForm.__name__]["properties"]["image"] = {
        "type": "string",
        "contentMediaType": "application/octet-stream",
    }
    paths: JSON = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Readstone",
            "version": __version__,
            "description": "One OpenAI-compatible API for OCR, vision, chat and extraction.",
        },
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": components | {_EVENT: _event()},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(operation: Operation) -> JSON:
    found: JSON = {
        "operationId": f"{operation.method}{operation.path}".translate(
            str.maketrans({"/": "_", "{": "", "}": "", ".": "_"})
        ),
        "summary": operation.summary,
        "responses": {"200": _success(operation), **_failures(operation)},
    }
    if operation.public:
        found["security"] = []
    if operation.request:
        content = _json(operation.request)
        if operation.is_form:
            content = {"multipart/form-data": content["application/json"]}
        found["requestBody"] = {"required": not operation.may_be_empty, "content": content}
    named: list[JSON] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _NAMED.findall(operation.path)
    ]
    named += [{"name": name, "in": "query", **QUERY[name]} for name in operation.query]
    if named:
        found["parameters"] = named
    return found


def _success(operation: Operation) -> JSON:
    if operation.answer is str:
        content = {"text/plain": {"schema": {"type": "string"}}}
    else:
        content = _json(operation.answer)
    if operation.streams:
        content |= {"text/event-stream": {"schema": {"$ref": _REFERENCE.format(name=_EVENT)}}}
    return {"description": "The answer.", "content": content}


def _event() -> JSON:
    """One server-sent event: the schema is of the event, as tools read it, and its data is JSON in a string."""
    told = [_reference(schema.ChatCompletionChunk), _reference(ErrorBody)]
    data = {
        "type": "string",
        "description": "A chunk, or an error after the first chunk; `[DONE]` in the last event.",
        "contentMediaType": "application/json",
        "contentSchema": {"anyOf": told},
    }
    return {
        "title": _EVENT,
        "description": "One event of a stream.",
        "type": "object",
        "properties": {"data": data},
        "required": ["data"],
    }


def _failures(operation: Operation) -> JSON:
    if operation.path == "/ready":
        return {"503": {"description": "Not ready yet.", "content": _json(Readiness)}}
    return {
        str(status): {
            "description": _meaning(status, is_coded=operation.failure is ErrorBody),
            "content": _json(operation.failure),
        }
        for status in sorted({*operation.statuses, *(() if operation.public else _DOOR_STATUSES)})
    }


def _meaning(status: int, *, is_coded: bool) -> str:
    """What an error status can mean, as a list in Markdown: with the code of each where answers have one."""
    classes = [kind for kind, (number, _) in STATUS.items() if number == status]
    told = [
        f"* `{kind.code}`: {sentence(kind)}" if is_coded else f"* {sentence(kind)}"
        for kind in classes
    ]
    return "\n".join(told) or "The server made a mistake, or its engine failed."


def _json(kind: type) -> JSON:
    return {"application/json": {"schema": _reference(kind)}}


def _reference(kind: type) -> JSON:
    return {"$ref": _REFERENCE.format(name=kind.__name__)}
