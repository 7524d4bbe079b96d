"""The configuration: typed sections, read from readstone.toml, READSTONE_* variables and flags, in that order."""

from readstone.config.authentication import AuthenticationConfig, ExternalConfig, JWTConfig
from readstone.config.checks import READER
from readstone.config.engines import (
    EngineConfig,
    HTTPConfig,
    LlamaCppConfig,
    PoolConfig,
    ServerConfig,
    VLLMConfig,
)
from readstone.config.environment import environment, read_key
from readstone.config.extract import ExtractConfig
from readstone.config.limits import KeyLimitsConfig, LimitsConfig
from readstone.config.loading import Source, build_config, load_config
from readstone.config.models import DefaultsConfig, ModelConfig
from readstone.config.root import Config
from readstone.config.sections import FetchConfig, HubConfig, ReaderConfig
from readstone.config.settings import Setting, settings

__all__ = [
    "READER",
    "AuthenticationConfig",
    "Config",
    "DefaultsConfig",
    "EngineConfig",
    "ExternalConfig",
    "ExtractConfig",
    "FetchConfig",
    "HTTPConfig",
    "HubConfig",
    "JWTConfig",
    "KeyLimitsConfig",
    "LimitsConfig",
    "LlamaCppConfig",
    "ModelConfig",
    "PoolConfig",
    "ReaderConfig",
    "ServerConfig",
    "Setting",
    "Source",
    "VLLMConfig",
    "build_config",
    "environment",
    "load_config",
    "read_key",
    "settings",
]
