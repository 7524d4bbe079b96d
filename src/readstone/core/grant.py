"""Grants: what somebody may do, with which models, how much and until when."""

from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import Final

from readstone.core.errors import PermissionDenied
from readstone.core.limit import NO_LIMITS, UNLIMITED, Limits
from readstone.core.model import Model
from readstone.core.moment import written_time
from readstone.core.scope import API, allows

_ANY: Final = "*"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a key or a token allows. Times are Unix seconds.

    `models` names models by id or alias, or several by a pattern with `*`; all where it is empty. `limits` are its own;
    where they say nothing, those of the configuration hold.
    """

    scopes: tuple[str, ...] = (API,)
    models: tuple[str, ...] = ()
    limits: Limits = NO_LIMITS
    expires_at: int | None = None

    def may_use(self, model: Model) -> bool:
        """Whether it is for this model, or for all."""
        return not self.models or any(
            _names(self.models, name) for name in (model.id, *model.aliases)
        )

    def check_covers(self, other: "Grant") -> None:
        """Raise PermissionDenied, which names the field, where the other allows what this one does not.

        A limit is compared where this grant has one of its own: those of the configuration are not its to keep.
        """
        for scope in other.scopes:
            if not allows(self.scopes, scope):
                raise PermissionDenied(
                    f"This key has no scope '{scope}' and cannot give it.", param="scopes"
                )
        if self.models and not other.models:
            raise PermissionDenied(
                f"This key may use {', '.join(self.models)} and cannot give more: name models.",
                param="models",
            )
        for name in other.models:
            if self.models and name not in self.models and not _names(self.models, name):
                raise PermissionDenied(
                    f"This key may not use '{name[:80]}' and cannot let another use it.",
                    param="models",
                )
        self._check_expiry(other.expires_at)
        self._check_limits(other.limits)

    def _check_expiry(self, other: int | None) -> None:
        own = self.expires_at
        if own is not None and (other is None or other > own):
            raise PermissionDenied(
                f"This key expires on {written_time(own)} and cannot make one that lasts longer.",
                param="expires_at",
            )

    def _check_limits(self, other: Limits) -> None:
        for item in fields(Limits):
            own: int | None = getattr(self.limits, item.name)
            given: int | None = getattr(other, item.name)
            if own in {None, UNLIMITED}:
                continue
            if given in {None, UNLIMITED} or (given or 0) > (own or 0):
                raise PermissionDenied(
                    f"This key has a limit of {own} and cannot give more, or none.",
                    param=f"limits.{item.name}",
                )


CLIENT: Final = Grant()
"""What a key allows where nothing is said: all models, and everything a client needs."""


def _names(patterns: tuple[str, ...], name: str) -> bool:
    """Whether one of the patterns is that name, or stands for it."""
    return name in patterns or any(
        _ANY in pattern and fnmatchcase(name, pattern) for pattern in patterns
    )
