"""Everything that can go wrong with a request, as one tree.

    RequestError
    ├── InvalidRequest              the client sent what cannot be served
    │   ├── UnsupportedParameter    a known property this model cannot honour
    │   ├── ContextTooLong          more text than the model takes; never cut in silence
    │   └── InvalidImage            not an image we read, or a broken one
    ├── TooLarge                    a body or an image over its limit
    ├── AuthenticationFailed        no key, or not a valid one
    ├── PermissionDenied            the key may not do that
    ├── NotFound                    no such route or object
    │   ├── ModelNotFound           no such model in the catalogue
    │   └── MethodNotAllowed        the route exists, the method does not
    ├── RateLimited                 this key asks for more than its share
    │   ├── QuotaExceeded           this key's budget is used up
    │   └── TooManyWrongKeys        this address has sent too many keys that are none
    ├── RepeatRefused               the request's Idempotency-Key is another's, or its answer is not to be had
    ├── Overloaded                  full: come back in `retry_after` seconds
    ├── StoreUnavailable            what has to be kept cannot be kept or looked up just now
    ├── LimitsUnavailable           what keys asked for cannot be counted just now
    ├── EngineFailed                the engine cannot answer, or answered nonsense
    │   ├── EngineUnavailable       the engine cannot be reached or is not up; nothing was begun
    │   └── EngineCrashed           the engine's process ended while it worked on this
    ├── EngineTimeout               the engine took longer than it may
    ├── PictureFailed               an image could not be made ready for the engine, which was not asked
    ├── RequestTimeout              the whole request took longer than it may
    └── ClientClosed                the client left before the answer was whole
    ConfigurationError              the server cannot start as configured (never on the wire)

The tree knows nothing of HTTP: `api/errors.py` maps it to status codes. Messages are written for the client;
they never hold a library's exception text, a file path or an internal address. The first line of a class is its message
where there is no better one, and what the API's documentation says of it; `retry_after` is in seconds, None where waiting never helps.
"""


class RequestError(Exception):
    """A request that cannot be answered; `param` names the field at fault, `code` is for programs."""

    code: str | None = None

    def __init__(
        self, message: str | None = None, *, param: str | None = None, code: str | None = None
    ) -> None:
        self.message = message or sentence(type(self))
        self.param = param
        self.code = code or self.code
        super().__init__(self.message)


def sentence(kind: type[RequestError]) -> str:
    """What a kind of error says to clients."""
    return (kind.__doc__ or "").strip().splitlines()[0]


class InvalidRequest(RequestError):
    """The request is not valid."""

    code = "invalid_value"


class UnsupportedParameter(InvalidRequest):
    """The model cannot do what a property of the request asks for."""

    code = "unsupported_parameter"


class ContextTooLong(InvalidRequest):
    """The request holds more text than the model takes.

    It has `prompt` tokens, prompt and answer together may have `context`; None where that is not known.
    """

    code = "context_length_exceeded"

    def __init__(
        self,
        message: str | None = None,
        *,
        param: str | None = None,
        context: int | None = None,
        prompt: int | None = None,
    ) -> None:
        super().__init__(message, param=param)
        self.context = context
        self.prompt = prompt


class InvalidImage(InvalidRequest):
    """The image cannot be read."""

    code = "invalid_image"


class TooLarge(RequestError):
    """The request is larger than its limit."""

    code = "request_too_large"


class AuthenticationFailed(RequestError):
    """No valid API key: send one as 'Authorization: Bearer <key>'."""

    code = "invalid_api_key"

    def __init__(self, message: str | None = None, *, is_guess: bool = True) -> None:
        super().__init__(message)
        self.is_guess = is_guess
        """Not so where what was sent opened something before: a key that expired, or was revoked."""


class PermissionDenied(RequestError):
    """This key may not do that."""

    code = "permission_denied"


class NotFound(RequestError):
    """There is nothing here: no such route, or no such object."""

    code = "not_found"


class ModelNotFound(NotFound):
    """There is no such model."""

    code = "model_not_found"


class MethodNotAllowed(NotFound):
    """This route does not take that method; the header Allow lists those it takes.

    So does `allowed`.
    """

    code = "method_not_allowed"

    def __init__(self, message: str, allowed: str) -> None:
        super().__init__(message)
        self.allowed = allowed


class RateLimited(RequestError):
    """This key asks for more than its share: the header Retry-After says when there is room again."""

    code = "rate_limit_exceeded"

    def __init__(
        self, message: str | None = None, *, retry_after: float | None = 1.0, limit: str = ""
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.limit = limit
        """What there is no more of, for the log: a measure of the limits, or `queue`."""


class QuotaExceeded(RateLimited):
    """This key's budget is used up: there is a new one when the month (UTC) ends."""

    code = "insufficient_quota"


class TooManyWrongKeys(RateLimited):
    """Too many wrong keys came from this address: another one is looked at after Retry-After, a right one at once."""

    code = "too_many_wrong_keys"


class RepeatRefused(RequestError):
    """The Idempotency-Key is in use, or was used for another request."""

    code = "idempotency_key_in_use"

    def __init__(
        self,
        message: str | None = None,
        *,
        code: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, param="Idempotency-Key", code=code)
        self.retry_after = retry_after


class Overloaded(RequestError):
    """The server is busy: the header Retry-After says when to try again."""

    code = "overloaded"

    def __init__(self, message: str | None = None, *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class StoreUnavailable(RequestError):
    """The server cannot keep its records just now and answers nothing meanwhile: try again in a moment."""

    code = "store_unavailable"


class LimitsUnavailable(RequestError):
    """The server cannot tell just now how much this key has asked for, and refuses meanwhile: try again in a moment."""

    code = "limits_unavailable"


class EngineFailed(RequestError):
    """The model's engine failed while it worked on this request."""

    code = "engine_failed"


class EngineUnavailable(EngineFailed):
    """The model's engine is not up, and nothing was begun: the header Retry-After says when to try again."""

    code = "engine_unavailable"

    def __init__(self, message: str | None = None, *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class EngineCrashed(EngineFailed):
    """The model's engine stopped while it worked on this request and is being restarted: send it again."""

    code = "engine_crashed"


class EngineTimeout(RequestError):
    """The model's engine did not answer in time."""

    code = "engine_timeout"


class PictureFailed(RequestError):
    """An image or PDF could not be made ready for the model just now: send the request again."""

    code = "picture_failed"


class RequestTimeout(RequestError):
    """The request was not done in time."""

    code = "request_timeout"


class ClientClosed(RequestError):
    """The client closed the connection before the answer was whole."""

    code = "client_closed"


class ConfigurationError(Exception):
    """The server cannot start as configured; the message says what to change."""
