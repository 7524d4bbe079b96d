"""How many tokens of a prompt an image is worth, for model families whose rule is published.

Used where an engine does not tell. The rules are those of each family's image processor in transformers 5.23 with
the bounds of the models' own configuration; an engine that was started with other bounds counts differently.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from readstone.core.model import Family


@dataclass(frozen=True, slots=True)
class Grid:
    """An image is scaled to whole cells of `cell` x `cell` pixels, `least` to `most` pixels in all."""

    cell: int
    least: int
    most: int

    def cells(self, width: int, height: int) -> tuple[int, int]:
        """Columns and rows; ValueError where one side is more than 200 times the other, as the models refuse it.

        Source: `smart_resize` of Qwen2-VL, which Qwen2.5-VL, Qwen3-VL and HunyuanOCR share.
        """
        if max(width, height) > 200 * min(width, height):
            raise ValueError("One side of the image is more than 200 times the other.")
        columns, rows = round(width / self.cell), round(height / self.cell)
        pixels = columns * rows * self.cell**2
        if pixels > self.most:
            shrink = math.sqrt(width * height / self.most)
            columns = max(1, math.floor(width / shrink / self.cell))
            rows = max(1, math.floor(height / shrink / self.cell))
        elif pixels < self.least:
            grow = math.sqrt(self.least / (width * height))
            columns = math.ceil(width * grow / self.cell)
            rows = math.ceil(height * grow / self.cell)
        return columns, rows


QWEN2_VL = Grid(cell=28, least=56 * 56, most=12_845_056)
"""Patches of 14 pixels, merged 2 x 2. Bounds: preprocessor_config.json of Qwen2.5-VL-7B-Instruct."""

QWEN3_VL = Grid(cell=32, least=65_536, most=16_777_216)
"""Patches of 16 pixels, merged 2 x 2. Bounds: preprocessor_config.json of Qwen3-VL-8B-Instruct."""

HUNYUAN_OCR = Grid(cell=32, least=512 * 512, most=4096 * 4096)
"""Patches of 16 pixels, merged 2 x 2. Bounds: HunyuanOCR 1.5, by its makers and llama.cpp; 1.0 takes a quarter at most."""

LLAMA_TILE = 560
"""Pixels of a side of a tile. Source: preprocessor_config.json of Llama-3.2-11B-Vision-Instruct."""

LLAMA_TILE_TOKENS = (LLAMA_TILE // 14) ** 2 + 1
"""One for each patch of 14 pixels and one for the tile: 1601."""

_LLAMA_CANVASES = ((1, 1), (1, 2), (1, 3), (1, 4), (2, 1), (2, 2), (3, 1), (4, 1))
"""Tiles across and down, four at most, in the order in which the first of equals wins."""


def estimate(family: Family, width: int, height: int) -> int | None:
    """Tokens of an image of so many pixels; None where the family's rule is not known or refuses the image.

    Without the tokens that mark its begin and end, but for HunyuanOCR, which counts them as the image's. Those of
    Llama 3.2 Vision are attended to beside the prompt: only some engines count them.
    """
    try:
        match family:
            case "qwen2-vl":
                return math.prod(QWEN2_VL.cells(width, height))
            case "qwen3-vl":
                return math.prod(QWEN3_VL.cells(width, height))
            case "hunyuan-ocr":
                columns, rows = HUNYUAN_OCR.cells(width, height)
                return rows * (columns + 1) + 2
            case "llama-vision":
                return _llama_tiles(width, height) * LLAMA_TILE_TOKENS
            case "generic":
                return None
    except ValueError:
        return None


def estimate_all(
    family: Family, sizes: Iterable[tuple[int, int]], prompt_tokens: int
) -> int | None:
    """Tokens of all images of a prompt; None where one is not known, or they are more than the engine counted.

    The second happens where the engine bounds pixels otherwise, or does not count an image's tokens as the prompt's.
    """
    total = 0
    for width, height in sizes:
        tokens = estimate(family, width, height)
        if tokens is None:
            return None
        total += tokens
    return total if total <= prompt_tokens else None


def _llama_tiles(width: int, height: int) -> int:
    """Tiles of the canvas that is chosen for an image.

    The one that enlarges it least, else the one that shrinks it least, and of equals the smallest.
    Source: `get_optimal_tiled_canvas` of MllamaImageProcessor.
    """
    scales = [
        (min(across * LLAMA_TILE / width, down * LLAMA_TILE / height), across * down)
        for across, down in _LLAMA_CANVASES
    ]
    enlarging = [scale for scale, _ in scales if scale >= 1]
    chosen = min(enlarging) if enlarging else max(scale for scale, _ in scales)
    return min(tiles for scale, tiles in scales if scale == chosen)
