"""The configuration of a command: its file, the environment, and its options."""

import argparse
from typing import Final

from readstone.config import Config, Source, build_config
from readstone.options import engine_settings
from readstone.telemetry import start_logging

_FLAGS: Final = ("host", "port", "data_dir", "workers")


def configure(options: argparse.Namespace, *, trouble_only: bool = False) -> Config:
    """Read the configuration and start the log; of a command about files, its trouble only.

    ConfigurationError where that is wrong.
    """
    config = build_config(source_of(options).read())
    start_logging(config.log_format, trouble_only=trouble_only)
    return config


def source_of(options: argparse.Namespace) -> Source:
    """Where the configuration of a command is read from."""
    chosen = {name: value for name in _FLAGS if (value := getattr(options, name, None)) is not None}
    engines = engine_settings(options) if "upstream" in options else {}
    return Source(getattr(options, "config", None), {**chosen, **engines})
