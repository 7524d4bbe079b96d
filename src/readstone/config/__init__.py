"""The configuration: typed sections, read from readstone.toml, READSTONE_* variables and flags, in that order."""

from readstone.config.checks import READER
from readstone.config.engines import EngineConfig, HTTPConfig, PoolConfig, ServerConfig
from readstone.config.loading import load_config
from readstone.config.models import DefaultsConfig, ModelConfig
from readstone.config.root import Config
from readstone.config.secret import read_key
from readstone.config.sections import FetchConfig, LimitsConfig, ReaderConfig
from readstone.config.settings import Setting, settings

__all__ = [
    "READER",
    "Config",
    "DefaultsConfig",
    "EngineConfig",
    "FetchConfig",
    "HTTPConfig",
    "LimitsConfig",
    "ModelConfig",
    "PoolConfig",
    "ReaderConfig",
    "ServerConfig",
    "Setting",
    "load_config",
    "read_key",
    "settings",
]
