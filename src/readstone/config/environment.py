"""What the configuration leaves to the environment: keys, by the name of their variable or file, and what children get."""

import os
from collections.abc import Mapping
from pathlib import Path

from readstone.core.errors import ConfigurationError


def read_key(variable: str | None, file: Path | None) -> str | None:
    """The key of that variable or file, without white space around it; None where neither is named.

    ConfigurationError where it is not there or empty.
    """
    if variable:
        key = os.environ.get(variable, "").strip()
        if not key:
            raise ConfigurationError(
                f"The environment variable {variable} (api_key_env) is not set: it holds the key."
            )
        return key
    if file is None:
        return None
    try:
        key = file.expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "not text"
        raise ConfigurationError(f"{file} (api_key_file) cannot be read: {reason}.") from error
    if not key:
        raise ConfigurationError(f"{file} (api_key_file) is empty: it holds the key.")
    return key


def environment() -> Mapping[str, str]:
    """This process's environment, as it is now."""
    return dict(os.environ)
