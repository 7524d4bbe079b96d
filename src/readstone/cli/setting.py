"""The configuration of a command: its file, the environment, and its options."""

import argparse
from typing import Final

from readstone.config import Config, load_config
from readstone.options import engine_settings
from readstone.telemetry import start_logging

_FLAGS: Final = ("host", "port", "data_dir")


def configure(options: argparse.Namespace, *, trouble_only: bool = False) -> Config:
    """Read the configuration and start the log; of a command about files, its trouble only.

    ConfigurationError where that is wrong.
    """
    chosen = {name: value for name in _FLAGS if (value := getattr(options, name, None)) is not None}
    engines = engine_settings(options) if "upstream" in options else {}
    config = load_config(getattr(options, "config", None), {**chosen, **engines})
    start_logging(config.log_format, trouble_only=trouble_only)
    return config
