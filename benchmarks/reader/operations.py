"""`python -m benchmarks.reader.operations --data FOLDER`: how many floating-point operations a page takes, and at what rate they are done.

The operations of a model are counted from the shapes that its nodes see when they run: two for each product of a Conv, a
ConvTranspose, a MatMul or a Gemm. All others, which add some percent of the time and next to none of the operations, are left out.
"""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# ONNX Runtime ships no type stubs.

import argparse
import json
import math
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeAlias
from unittest.mock import patch

import cv2
import msgspec
import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from benchmarks.reader.samples import Sample, Selection, find_samples, grouped
from readstone.engines.reader import profiles
from readstone.engines.reader.buffers import keep_buffers
from readstone.engines.reader.page_reader import PageReader
from readstone.engines.reader.session import Session
from readstone.engines.reader.weights import find_weights

Shape: TypeAlias = tuple[int, ...]
COUNTED: Final = frozenset({"Conv", "ConvTranspose", "MatMul", "Gemm"})


class Options(argparse.Namespace):
    """The command line."""

    data: Path
    sets: str
    groups: str
    limit: int


class _Args(msgspec.Struct):
    op_name: str = ""
    input_type_shape: list[dict[str, list[int]]] = []
    output_type_shape: list[dict[str, list[int]]] = []


class _Event(msgspec.Struct):
    """What ONNX Runtime's profile says of a node that ran, or of the run that it was part of."""

    name: str
    args: _Args = msgspec.field(default_factory=_Args)


class Passes:
    """The passes of one model over some pages: how many of which shape, and the CPU seconds of all."""

    def __init__(self) -> None:
        self.shapes: Counter[Shape] = Counter()
        self.seconds = 0.0


def node_operations(kind: str, inputs: Sequence[Shape], output: Shape) -> int:
    """The operations of one node: `inputs` are the shapes of what it is given, weights included."""
    match kind:
        case "Conv":
            return 2 * math.prod(output) * math.prod(inputs[1][1:])
        case "ConvTranspose":
            return 2 * math.prod(inputs[0]) * math.prod(inputs[1][1:])
        case "MatMul":
            return 2 * math.prod(output) * inputs[0][-1]
        case "Gemm":
            # Either side may be transposed: what is not in the output is what is summed over.
            return 2 * math.prod(output) * (math.prod(inputs[0]) // output[0])
        case _:
            return 0


def operations(model: Path, shapes: Iterable[Shape]) -> dict[Shape, int]:
    """The operations of one pass of a model, by the shape of its input."""
    asked = list(shapes)
    options = onnxruntime.SessionOptions()
    options.enable_profiling = True
    options.intra_op_num_threads = 1
    # As published: what the runtime fuses or packs is told without its weights.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.add_session_config_entry("session.disable_prepacking", "1")
    with TemporaryDirectory() as folder:
        options.profile_file_prefix = str(Path(folder) / "profile")
        session = onnxruntime.InferenceSession(
            str(model), sess_options=options, providers=["CPUExecutionProvider"]
        )
        for shape in asked:
            session.run(None, {session.get_inputs()[0].name: np.zeros(shape, np.float32)})
        told = json.loads(Path(session.end_profiling()).read_bytes())
    totals: list[int] = []
    passing = 0
    for event in msgspec.convert(told, list[_Event]):
        if event.name == "model_run":
            totals.append(passing)
            passing = 0
        elif event.args.op_name in COUNTED:
            inputs = [tuple(*one.values()) for one in event.args.input_type_shape]
            (output,) = (tuple(*one.values()) for one in event.args.output_type_shape)
            passing += node_operations(event.args.op_name, inputs, output)
    return dict(zip(asked, totals, strict=True))


def passes(samples: Iterable[Sample]) -> dict[Path, Passes]:
    """What the models of the default profile are asked, by the model's file, while the pages are read."""
    found: dict[Path, Passes] = defaultdict(Passes)

    class Noted(Session):
        def __init__(self, path: Path, *, arena: bool = False) -> None:
            super().__init__(path, arena=arena)
            self._passes = found[path]

        def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
            began = time.thread_time()
            result = super().run(batch)
            self._passes.seconds += time.thread_time() - began
            self._passes.shapes[batch.shape] += 1
            return result

    with patch.object(profiles, "Session", Noted):
        reader = PageReader(find_weights())
    for sample in samples:
        with Image.open(sample.image) as image:
            picture = np.asarray(image.convert("RGB"), np.uint8)
        for crop in reader.prepare(picture).crops:
            reader.recognise(crop)
    return found


def table(found: Mapping[Path, Passes], pages: int) -> str:
    """The models by their operations a page."""
    rows = [
        "| model | passes a page | GFLOP a page | CPU s a page | GFLOP/s |",
        "|---|--:|--:|--:|--:|",
    ]
    everything = seconds = 0.0
    for path, told in found.items():
        cost = operations(path, told.shapes)
        giga = sum(cost[shape] * count for shape, count in told.shapes.items()) / 1e9
        everything, seconds = everything + giga, seconds + told.seconds
        rows.append(
            f"| {path.stem} | {told.shapes.total() / pages:.1f} | {giga / pages:.1f} "
            f"| {told.seconds / pages:.3f} | {giga / told.seconds:.0f} |"
        )
    rows.append(
        f"| all | | {everything / pages:.1f} | {seconds / pages:.3f} | {everything / seconds:.0f} |"
    )
    return "\n".join(rows)


def main() -> None:
    """Print a table for each group of pages."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.reader.operations",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of documents with a .txt beside each"
    )
    parser.add_argument("--sets", default="", help="names of sets, by comma (all)")
    parser.add_argument(
        "--groups", default="", help="groups of ids by how they begin, as of benchmarks.reader"
    )
    parser.add_argument("--limit", type=int, default=6, help="pages of a group (%(default)s)")
    options = parser.parse_args(namespace=Options())
    cv2.setNumThreads(1)
    keep_buffers()
    selection = Selection(tuple(filter(None, options.sets.split(","))))
    groups = dict(one.split("=") for one in filter(None, options.groups.split(",")))
    for name, samples in grouped(find_samples(options.data, selection), groups).items():
        chosen = [sample for sample in samples if sample.image.suffix != ".pdf"][: options.limit]
        print(f"\n{name}: {len(chosen)} pages\n\n{table(passes(chosen), len(chosen))}")


if __name__ == "__main__":
    main()
