"""The operations of a pass are those of its products, by the shapes that they see."""

import pytest
from benchmarks.reader.operations import Shape, node_operations, operations

from readstone.engines.reader.weights import find_weights


@pytest.mark.parametrize(
    ("kind", "inputs", "output", "expected"),
    [
        # 4 channels of 5 x 6 pixels, each a sum over 3 channels of 3 x 3.
        ("Conv", [(1, 3, 5, 6), (4, 3, 3, 3), (4,)], (1, 4, 5, 6), 2 * 120 * 27),
        # One filter for each of 8 channels.
        ("Conv", [(1, 8, 5, 6), (8, 1, 3, 3)], (1, 8, 5, 6), 2 * 240 * 9),
        # Each of 90 values goes into 4 channels of 2 x 2.
        ("ConvTranspose", [(1, 3, 5, 6), (3, 4, 2, 2)], (1, 4, 10, 12), 2 * 90 * 16),
        ("MatMul", [(2, 7, 5), (5, 3)], (2, 7, 3), 2 * 42 * 5),
        ("MatMul", [(2, 8, 7, 5), (2, 8, 5, 7)], (2, 8, 7, 7), 2 * 784 * 5),
        ("Gemm", [(7, 5), (5, 3), (3,)], (7, 3), 2 * 21 * 5),
        ("Gemm", [(5, 7), (3, 5)], (7, 3), 2 * 21 * 5),
        ("Softmax", [(1, 40, 100)], (1, 40, 100), 0),
    ],
)
def test_a_product_is_two_operations(
    kind: str, inputs: list[Shape], output: Shape, expected: int
) -> None:
    assert node_operations(kind, inputs, output) == expected


def test_a_line_twice_as_wide_takes_twice_the_operations() -> None:
    weights = find_weights()
    short, long = (1, 3, 48, 320), (1, 3, 48, 640)
    told = operations(weights.tiny_recogniser, [long, short])
    assert told[long] == pytest.approx(2 * told[short], rel=0.01)


def test_a_line_takes_the_small_recogniser_what_a_count_of_its_graph_said() -> None:
    shape = (1, 3, 48, 320)
    told = operations(find_weights().recogniser, [shape])
    assert told[shape] / 1e9 == pytest.approx(2.18, abs=0.01)
