"""One ONNX model ready to run on the CPU; the only file that knows ONNX Runtime."""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# ONNX Runtime ships no type stubs: its names are unknown to the checker in this file only.

from pathlib import Path
from typing import Final, cast

import numpy as np
import onnxruntime
from numpy.typing import NDArray

_ERRORS_ONLY: Final = 3


class Session:
    """A loaded model with one input and one output.

    Single-threaded on purpose: two threads inside a session cost 50 % more CPU than one, so the
    server's parallelism is threads that call `run` at the same time. `arena` keeps memory for the
    largest shapes ever seen instead of giving it back: of a page's many megabytes of activations the
    kernel would clear every one again, a quarter of the time. Small shapes gain nothing by it.
    """

    def __init__(self, path: Path, *, arena: bool = False) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.enable_cpu_mem_arena = arena
        options.enable_mem_pattern = False
        options.log_severity_level = _ERRORS_ONLY
        self._session = onnxruntime.InferenceSession(
            str(path), sess_options=options, providers=["CPUExecutionProvider"]
        )
        self._input: str = self._session.get_inputs()[0].name

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """The model's output for `batch`; may be called from several threads at once."""
        return cast(NDArray[np.float32], self._session.run(None, {self._input: batch})[0])

    def metadata(self, key: str) -> str:
        """The text the model's author stored under `key`; raises KeyError where there is none."""
        return self._session.get_modelmeta().custom_metadata_map[key]
