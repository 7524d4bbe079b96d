"""Error class → HTTP status: the only table (contract: errors)."""

from dataclasses import dataclass
from http import HTTPStatus
from math import ceil

import msgspec

from readstone.core import errors


@dataclass(frozen=True, slots=True)
class Problem:
    """How an error looks on the wire: status, `type`, and headers of its own."""

    status: int
    type: str
    headers: dict[str, str]


class ErrorDetail(msgspec.Struct):
    """What went wrong; all four members are always there."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(msgspec.Struct):
    """The body of every error under `/v1`."""

    error: ErrorDetail


STATUS: dict[type[errors.RequestError], tuple[int, str]] = {
    errors.InvalidRequest: (400, "invalid_request_error"),
    errors.UnsupportedParameter: (400, "invalid_request_error"),
    errors.ContextTooLong: (400, "invalid_request_error"),
    errors.InvalidImage: (400, "invalid_request_error"),
    errors.TooLarge: (413, "invalid_request_error"),
    errors.AuthenticationFailed: (401, "authentication_error"),
    errors.PermissionDenied: (403, "permission_error"),
    errors.NotFound: (404, "not_found_error"),
    errors.ModelNotFound: (404, "not_found_error"),
    errors.MethodNotAllowed: (405, "invalid_request_error"),
    errors.RateLimited: (429, "rate_limit_error"),
    errors.QuotaExceeded: (429, "rate_limit_error"),
    errors.TooManyWrongKeys: (429, "rate_limit_error"),
    errors.RepeatRefused: (409, "conflict_error"),
    errors.LimitsUnavailable: (503, "overloaded_error"),
    errors.Overloaded: (503, "overloaded_error"),
    errors.StoreUnavailable: (503, "overloaded_error"),
    errors.EngineFailed: (502, "upstream_error"),
    errors.EngineUnavailable: (502, "upstream_error"),
    errors.EngineCrashed: (502, "upstream_error"),
    errors.EngineTimeout: (504, "timeout_error"),
    errors.PictureFailed: (502, "upstream_error"),
    errors.RequestTimeout: (504, "timeout_error"),
    errors.ClientClosed: (499, "client_closed"),
}

_LONGEST_RETRY = 120.0
"""Seconds; official SDKs heed no longer Retry-After, and would ask again at once (contract: errors)."""
_NO_RETRY = {"x-should-retry": "false"}

_BUG = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "server_error", {})


def problem(error: Exception) -> Problem:
    """The status, type and headers of an error; what is not of the tree is our own fault: 500."""
    if not isinstance(error, errors.RequestError):
        return _BUG
    status, kind = STATUS[type(error)]
    return Problem(status, kind, _headers(error))


def body(error: Exception) -> ErrorBody:
    """The error's body; of an exception that is not ours nothing is told but that it happened."""
    if not isinstance(error, errors.RequestError):
        message = "The server made a mistake; its log has the details under this request's id."
        return ErrorBody(ErrorDetail(message, _BUG.type, None, "internal_error"))
    param = None if error.param is None else _encodable(error.param)
    kind = STATUS[type(error)][1]
    return ErrorBody(ErrorDetail(_encodable(error.message), kind, param, error.code))


def _encodable(text: str) -> str:
    """The text with '?' for each lone surrogate, which UTF-8 cannot hold and a quoted name might."""
    return text.encode(errors="replace").decode()


def _headers(error: errors.RequestError) -> dict[str, str]:
    match error:
        case errors.AuthenticationFailed():
            return {"www-authenticate": "Bearer"}
        case errors.MethodNotAllowed(allowed=allowed):
            return {"allow": allowed}
        case errors.RateLimited(retry_after=seconds) | errors.RepeatRefused(retry_after=seconds):
            return _retry(seconds) | ({} if _is_worth_a_retry(error, seconds) else _NO_RETRY)
        case errors.Overloaded(retry_after=seconds) | errors.EngineUnavailable(retry_after=seconds):
            return _retry(seconds)
        case (
            errors.EngineFailed()
            | errors.PictureFailed()
            | errors.StoreUnavailable()
            | errors.LimitsUnavailable()
        ):
            return _retry(1.0)
        case _:
            return {}


def _is_worth_a_retry(error: errors.RequestError, seconds: float | None) -> bool:
    """Whether a client should wait so long by itself and ask again."""
    # The same key is as wrong the next time, and a budget as empty.
    is_vain = isinstance(error, errors.QuotaExceeded | errors.TooManyWrongKeys)
    return seconds is not None and seconds <= _LONGEST_RETRY and not is_vain


def _retry(seconds: float | None) -> dict[str, str]:
    if seconds is None:
        return {}
    # Up, not down: who comes a moment too early is refused again.
    return {"retry-after": str(ceil(seconds)), "retry-after-ms": str(ceil(seconds * 1000))}
