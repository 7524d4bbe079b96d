"""A line through points as SVG: enough of a plot for one measure over time."""

from collections.abc import Sequence
from typing import Final

WIDTH: Final = 720
HEIGHT: Final = 320
MARGIN: Final = 56
TICKS: Final = 5


def svg(points: Sequence[tuple[float, float]], across: str, up: str) -> str:
    """The points joined by a line, with both axes from 0; `across` and `up` name them."""
    right = max(x for x, _ in points) or 1.0
    top = max(y for _, y in points) * 1.1 or 1.0

    def at(x: float, y: float) -> str:
        return (
            f"{MARGIN + x / right * (WIDTH - 2 * MARGIN):.1f},"
            f"{HEIGHT - MARGIN - y / top * (HEIGHT - 2 * MARGIN):.1f}"
        )

    def label(x: float, y: float, text: str, anchor: str = "middle") -> str:
        return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{text}</text>'

    line = " ".join(at(x, y) for x, y in points)
    axes = " ".join((at(0, top), at(0, 0), at(right, 0)))
    ticks: list[str] = []
    for tick in range(TICKS + 1):
        x, y = right * tick / TICKS, top * tick / TICKS
        left, bottom = at(x, 0).split(","), at(0, y).split(",")
        ticks.append(label(float(left[0]), HEIGHT - MARGIN + 18, f"{x:.0f}"))
        ticks.append(label(MARGIN - 6, float(bottom[1]) + 4, f"{y:.0f}", "end"))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="12"><rect width="100%" height="100%" fill="white"/>'
        f'<polyline points="{axes}" fill="none" stroke="#888"/>'
        f'<polyline points="{line}" fill="none" stroke="#06c" stroke-width="2"/>'
        f"{''.join(ticks)}{label(WIDTH / 2, HEIGHT - 10, across)}{label(MARGIN, MARGIN - 12, up)}</svg>\n"
    )
