"""Reports as files for spreadsheets: CSV that no program takes for formulas, and XLSX."""

import csv
import io
from collections.abc import Iterator, Sequence
from tempfile import SpooledTemporaryFile
from typing import Any
from urllib.parse import quote

import xlsxwriter  # type: ignore[import-untyped]  # it has no types

from adapters.http.report_view import COLUMNS, Report
from segments.geography import fold

CSV_TYPE = "text/csv"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

# What makes a spreadsheet take a text for a formula, also behind the white space that it strips (OWASP).
_TRIGGERS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
# So that a spreadsheet takes the file for UTF-8.
_MARK = "\ufeff"
_IN_MEMORY = 4 * 1024 * 1024
_LONGEST_NAME = 60

Cell = str | int | float | bool | None


def csv_file(report: Report) -> bytes:
    """Return a report as CSV (RFC 4180, UTF-8): a heading, its rows, and the totals."""
    text = io.StringIO(_MARK)
    text.seek(0, io.SEEK_END)
    writer = csv.writer(text)
    writer.writerows([plain_cell(cell) for cell in line] for line in lines(report))
    return text.getvalue().encode()


def xlsx_file(report: Report, about: Sequence[tuple[str, str]]) -> bytes:
    """Return a report as a workbook: the rows on one sheet, what they mean (`about`) on another."""
    with SpooledTemporaryFile(max_size=_IN_MEMORY) as stream:
        options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        with xlsxwriter.Workbook(stream, options) as book:
            sheet = book.add_worksheet("report")
            bold = book.add_format({"bold": True})
            sheet.freeze_panes(1, 0)
            sheet.set_column(0, 1, 28)
            sheet.set_column(2, 2 + len(COLUMNS), 11)
            for number, line in enumerate(lines(report)):
                for column, cell in enumerate(line):
                    _write(sheet, number, column, cell, None if number else bold)
            notes = book.add_worksheet("about")
            notes.set_column(0, 1, 40)
            for number, pair in enumerate(about):
                for column, text in enumerate(pair):
                    notes.write_string(number, column, text)
        stream.seek(0)
        return stream.read()


def lines(report: Report) -> Iterator[Sequence[Cell]]:
    """Yield a report line by line."""
    timed = any(row.final is not None for row in report.rows)
    yield ("key", "label", *COLUMNS, *(("final",) if timed else ()))
    for row in report.rows:
        counts = report.row_counts(row.figures)
        yield (row.key, row.label, *(counts[name] for name in COLUMNS), *((row.final,) if timed else ()))
    totals = report.counts(report.totals)
    yield ("total", "total", *(totals[name] for name in COLUMNS), *((None,) if timed else ()))


def disposition(name: str, ending: str) -> dict[str, str]:
    """Return the header that gives a file its name: in plain ASCII, and whole (RFC 6266)."""
    shown = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in name)[:_LONGEST_NAME]
    plain = fold(shown).encode("ascii", "ignore").decode().replace(" ", "-") or "report"
    extended = quote(f"{shown}.{ending}", safe="")
    return {"Content-Disposition": f"attachment; filename=\"{plain}.{ending}\"; filename*=UTF-8''{extended}"}


def plain_cell(cell: Cell) -> Cell:
    """Return a cell that no spreadsheet computes; counts are numbers and stay so."""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, str) and (cell.startswith(_TRIGGERS) or cell.lstrip().startswith(_TRIGGERS)):
        return f"'{cell}"
    return cell


def _write(sheet: Any, row: int, column: int, cell: Cell, form: object) -> None:
    if isinstance(cell, str):
        sheet.write_string(row, column, cell, form)
    elif isinstance(cell, bool):
        sheet.write_boolean(row, column, cell, form)
    elif cell is not None:
        sheet.write_number(row, column, cell, form)
