"""Who answers: the engines by name, built here and nowhere else."""

from collections.abc import Mapping

from readstone.config import ReaderConfig
from readstone.core.engine import Engine

READER = "reader"


def build_engines(reader: ReaderConfig, cores: int) -> Mapping[str, Engine]:
    """Every configured engine, not started; ConfigurationError where the reader's weights are not there.

    An engine's modules are imported only here and only where it is wanted, so a server without the
    reader never loads it.
    """
    from readstone.engines.reader.engine import ReaderEngine  # noqa: PLC0415  (see above)
    from readstone.engines.reader.page_cache import page_cache  # noqa: PLC0415
    from readstone.engines.reader.weights import find_weights  # noqa: PLC0415
    from readstone.engines.worker.supervisor import Supervisor, WorkerLimits  # noqa: PLC0415

    limits = WorkerLimits(
        threads=reader.threads or cores,
        page_seconds=reader.page_seconds,
        start_seconds=reader.start_seconds,
        recycle_pages=reader.recycle_pages,
        recycle_megabytes=reader.recycle_megabytes,
    )
    cache = page_cache(reader.cache_megabytes * 1024 * 1024, reader.cache_seconds)
    weights = find_weights().fingerprint
    return {READER: ReaderEngine(READER, Supervisor(limits), cache, weights)}
