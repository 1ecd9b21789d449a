"""Leads as files for spreadsheets: one line a lead, numbers in full only where the wording allowed it."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo
from tempfile import SpooledTemporaryFile
from typing import Any

import xlsxwriter  # type: ignore[import-untyped]  # it has no types

from adapters.http.report_files import plain_cell
from segments.seal import Seal

COLUMNS = (
    "number",
    "option",
    "first_call",
    "last_call",
    "calls",
    "state",
    "lada",
    "wording_version",
    "answers",
)

# So that a spreadsheet takes the file for UTF-8.
_MARK = "\ufeff"
_IN_MEMORY = 4 * 1024 * 1024


def shown_number(row: Mapping[str, Any], seal: Seal) -> str:
    """Return the caller as the engagement allows: in full, or masked."""
    return f"{seal.opened(row['caller']):010d}" if row["share_number"] else str(row["masked"])


def lines(rows: Sequence[Mapping[str, Any]], seal: Seal, zone: tzinfo) -> Iterator[Sequence[str | int]]:
    """Yield a heading and a line a lead, with times on the clock of `zone`."""
    yield COLUMNS
    for row in rows:
        answers = row["answers"] or {}
        yield (
            shown_number(row, seal),
            row["option"],
            row["first_call"].astimezone(zone).strftime("%Y-%m-%d %H:%M:%S"),
            row["last_call"].astimezone(zone).strftime("%Y-%m-%d %H:%M:%S"),
            row["calls"],
            row["state"],
            row["lada"],
            row["wording_version"],
            " ".join(f"{kind}:{state}" for kind, state in sorted(answers.items())),
        )


def csv_of(rows: Sequence[Mapping[str, Any]], seal: Seal, zone: tzinfo) -> bytes:
    """Return leads as CSV (RFC 4180, UTF-8) that no program takes for formulas."""
    text = io.StringIO(_MARK)
    text.seek(0, io.SEEK_END)
    writer = csv.writer(text)
    writer.writerows([plain_cell(cell) for cell in line] for line in lines(rows, seal, zone))
    return text.getvalue().encode()


def xlsx_of(rows: Sequence[Mapping[str, Any]], seal: Seal, zone: tzinfo) -> bytes:
    """Return leads as a workbook."""
    with SpooledTemporaryFile(max_size=_IN_MEMORY) as stream:
        options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        with xlsxwriter.Workbook(stream, options) as book:
            sheet = book.add_worksheet("leads")
            sheet.freeze_panes(1, 0)
            for number, line in enumerate(lines(rows, seal, zone)):
                for column, cell in enumerate(line):
                    if isinstance(cell, str):
                        sheet.write_string(number, column, cell)
                    else:
                        sheet.write_number(number, column, cell)
        stream.seek(0)
        return stream.read()
