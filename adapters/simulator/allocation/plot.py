"""A plot of what was delivered through the run, as an SVG file of its own."""

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT, MARGIN = 800, 480, 50
_FONT = 'font-family="sans-serif" font-size="12"'
_COLOURS = ("#888888", "#4477aa", "#66ccee", "#228833", "#ccbb44", "#ee6677", "#aa3377", "#222222")


def svg(curves: Mapping[str, Sequence[float]], title: str) -> str:
    """Return an SVG document: time from left to right, shares of all quantities from 0 to 1."""
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" {_FONT}>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{MARGIN}" y="24">{escape(title)}</text>',
    ]
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = _y(share)
        lines.append(f'<line x1="{MARGIN}" y1="{y:.1f}" x2="{WIDTH - 160}" y2="{y:.1f}" stroke="#dddddd"/>')
        lines.append(f'<text x="8" y="{y + 4:.1f}">{share:.0%}</text>')
    for index, (name, curve) in enumerate(curves.items()):
        colour = _COLOURS[index % len(_COLOURS)]
        points = " ".join(f"{_x(at, len(curve)):.1f},{_y(share):.1f}" for at, share in enumerate(curve))
        lines.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        y = MARGIN + 18 * index
        lines.append(f'<text x="{WIDTH - 150}" y="{y}" fill="{colour}">{escape(name)}</text>')
    return "\n".join([*lines, "</svg>", ""])


def _x(at: int, steps: int) -> float:
    return MARGIN + (WIDTH - 160 - MARGIN) * (at + 1) / max(1, steps)


def _y(share: float) -> float:
    return HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * share
