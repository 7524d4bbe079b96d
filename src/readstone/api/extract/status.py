"""Error → status code of image extraction and its HTTP status: the only table of this route (contract: extract)."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from readstone.api.errors import body, problem
from readstone.api.extract.schema import BaseResp, ExtractAnswer, ExtractUsage
from readstone.api.http import Refusal
from readstone.core import errors

SUCCESS: Final = BaseResp(0, "success")
UNSUPPORTED_FORMAT: Final = "unsupported_image_format"
"""The code of an InvalidImage that is no image of a format this route takes."""

_PARAMETER: Final = 100001
_AUTHENTICATION: Final = 100101
_RATE_LIMIT: Final = 100501
_FORMAT: Final = 261001
_TOO_LARGE: Final = 261002
_BROKEN: Final = 261003
_TIMEOUT: Final = 261101
_INTERNAL: Final = 261999

STATUS: Final[dict[type[errors.RequestError], tuple[int, int]]] = {
    errors.InvalidRequest: (_PARAMETER, 400),
    errors.NotFound: (_PARAMETER, 404),
    errors.MethodNotAllowed: (_PARAMETER, 405),
    errors.AuthenticationFailed: (_AUTHENTICATION, 401),
    errors.PermissionDenied: (_AUTHENTICATION, 403),
    errors.RateLimited: (_RATE_LIMIT, 429),
    errors.Overloaded: (_RATE_LIMIT, 429),
    errors.RepeatRefused: (_PARAMETER, 409),
    errors.InvalidImage: (_BROKEN, 400),
    errors.TooLarge: (_TOO_LARGE, 413),
    errors.EngineTimeout: (_TIMEOUT, 504),
    errors.RequestTimeout: (_TIMEOUT, 504),
}
"""The code and status of an error, by the nearest of its classes; every other one is internal."""


@dataclass(frozen=True, slots=True)
class Refusals:
    """Makes the answers of requests that failed; where `always_200` their HTTP status is 200."""

    always_200: bool

    def __call__(self, error: Exception) -> Refusal:
        """The answer, with the headers that any route gives to such an error."""
        code, status = _status(error)
        told = body(error).error.message
        content = ExtractAnswer("", ExtractUsage(0, 0, 0), BaseResp(code, told))
        return Refusal(200 if self.always_200 else status, content, problem(error).headers)


def _status(error: Exception) -> tuple[int, int]:
    if isinstance(error, errors.RequestError) and error.code == UNSUPPORTED_FORMAT:
        return _FORMAT, HTTPStatus.BAD_REQUEST
    for kind in type(error).__mro__:
        if found := STATUS.get(kind):
            return found
    return _INTERNAL, HTTPStatus.INTERNAL_SERVER_ERROR
