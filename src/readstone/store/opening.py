"""Opens the store of a configuration."""

from readstone.config import Config, read_key
from readstone.core.errors import ConfigurationError
from readstone.store import Store
from readstone.store.sqlite import SQLiteStore


async def open_store(config: Config) -> Store:
    """A database, or the file of the data directory, made where there is none. ConfigurationError where that cannot be done."""
    if config.store.url is not None:
        return await _open_database(config.store.url, config)
    store = SQLiteStore(config.data_dir / "readstone.db", synced=config.ledger.fsync)
    await store.open()
    return store


async def _open_database(url: str, config: Config) -> Store:
    try:
        from readstone.store.postgres import PostgresStore  # noqa: PLC0415  (an extra)
    except ImportError as error:
        raise ConfigurationError(
            "store.url needs the driver of Postgres: pip install 'readstone[scale]'."
        ) from error
    password = read_key(config.store.password_env, None)
    store = PostgresStore(url, password=password, connections=config.store.connections)
    await store.open()
    return store
