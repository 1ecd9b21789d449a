"""Rows of text lined up for a terminal."""

from collections.abc import Sequence

_WIDEST = 32


def number(value: int | None) -> str:
    """Write a count with its thousands apart; none is a dash."""
    return "-" if value is None else f"{value:,}"


def rows(table: Sequence[Sequence[str]]) -> list[str]:
    """Line up a table: texts to the left, numbers to the right, the first column cut to 32 characters."""
    cut = [[_cut(row[0]), *row[1:]] for row in table]
    widths = [max(map(len, column)) for column in zip(*cut, strict=True)]
    right = [all(map(_is_number, column[1:] or column)) for column in zip(*cut, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in cut
    ]


def _cut(text: str) -> str:
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"


def _is_number(cell: str) -> bool:
    return cell == "-" or cell.replace(",", "").lstrip("-").isdigit()
