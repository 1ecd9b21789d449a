"""A table of campaigns: one row a campaign, read into the documents that JSON would have."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inventory.faults import Fault

COLUMNS = (
    "name",
    "brand",
    "category",
    "class",
    "text",
    "include",
    "exclude",
    "starts_at",
    "ends_at",
    "days",
    "from",
    "to",
    "quantity",
    "pacing",
    "make_good",
    "response_number",
    "external_id",
)
"""Columns there may be. `text`, `include`, `exclude` and `days` take several values between bars (|)."""

MANY = "|"
_PLAIN = (
    "name",
    "brand",
    "category",
    "class",
    "starts_at",
    "ends_at",
    "pacing",
    "make_good",
    "response_number",
    "external_id",
)


class TableError(Exception):
    """The table can't be read; `faults` say why."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(fault.en for fault in faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Row:
    """One campaign of a table: its line, its document, or what is wrong with the row itself."""

    line: int
    document: Mapping[str, Any]
    fault: Fault | None = None


def read_table(text: str) -> Sequence[Row]:
    """Return each campaign; fields left empty are left out of its document. Raises `TableError`.

    Commas or semicolons separate, as the first line does.
    """
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";" if ";" in first else ",", strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        _check_header(header)
        return [_row(reader.line_num, header, cells) for cells in reader if any(map(str.strip, cells))]
    except csv.Error as error:
        line = reader.line_num
        raise TableError(
            [Fault("", "bad_csv", f"renglón {line}: no es CSV: {error}", f"line {line}: no CSV: {error}")]
        ) from None


def _row(line: int, header: Sequence[str], cells: Sequence[str]) -> Row:
    if len(cells) != len(header):
        return Row(line, {}, _ragged(len(header), len(cells)))
    return Row(line, _document(dict(zip(header, cells, strict=True))))


def _check_header(header: Sequence[str]) -> None:
    known = ", ".join(COLUMNS)
    faults = [
        Fault(
            "",
            "unknown_column",
            f"la columna {name!r} no se conoce o se repite; las conocidas: {known}",
            f"the column {name!r} is not known or comes twice; known: {known}",
        )
        for at, name in enumerate(header)
        if name not in COLUMNS or name in header[:at]
    ]
    if not header:
        faults = [Fault("", "empty", "no lleva encabezado", "there is no header")]
    if faults:
        raise TableError(faults)


def _ragged(wanted: int, given: int) -> Fault:
    return Fault(
        "",
        "bad_row",
        f"debe tener {wanted} celdas como el encabezado; tiene {given}",
        f"must have {wanted} cells like the header; it has {given}",
    )


def _document(cells: Mapping[str, str]) -> dict[str, Any]:
    cells = {name: cell.strip() for name, cell in cells.items() if cell.strip()}
    document: dict[str, Any] = {name: cells[name] for name in _PLAIN if name in cells}
    if "text" in cells:
        document["creatives"] = [{"text": text} for text in _many(cells["text"])]
    target = {
        name: [_place(each) for each in _many(cells[name])]
        for name in ("include", "exclude")
        if name in cells
    }
    if target:
        document["target"] = target
    hours: dict[str, Any] = {name: cells[name] for name in ("from", "to") if name in cells}
    if "days" in cells:
        hours["days"] = _many(cells["days"])
    if hours:
        document["hours"] = hours
    if "quantity" in cells:
        document["quantity"] = _quantity(cells["quantity"])
    elif cells.get("class") == "house":
        document["quantity"] = None
    return document


def _many(cell: str) -> list[str]:
    return [part.strip() for part in cell.split(MANY) if part.strip()]


def _quantity(cell: str) -> int | str:
    """Return the number, or what was written: then it is the document's fault."""
    digits = cell.replace(",", "").replace(" ", "")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else cell


def _place(text: str) -> dict[str, str]:
    """Return a target's entry: MX-JAL, 33 (a LADA), 14039 (a municipality), else a city."""
    if text.upper().startswith("MX-") and "," not in text:
        return {"state": text.upper()}
    if text.isascii() and text.isdigit():
        return {"municipality" if len(text) == 5 else "lada": text}
    return {"city": text}
