"""`posdata lookup NUMBER`: who a number is to the numbering plan, and what decided."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from adapters.files.reference_data import ReferenceDataError, load_geography, load_numbering
from segments.geography import Geography
from segments.numbers import Refusal, refusal
from segments.places import Located

# What a person types between the digits of a number.
_TYPED = str.maketrans("", "", " -()")

_REASONS = {
    Refusal.EMPTY: "the number is empty",
    Refusal.NOT_DIGITS: "it holds something else than digits",
    Refusal.TOO_SHORT: "it has fewer than ten digits",
    Refusal.UNLISTED_FORM: "it is a foreign number or no form that Mexican numbers are written in",
    Refusal.FIRST_DIGIT: "a Mexican number begins with 2 to 9",
    Refusal.NON_GEOGRAPHIC: "its prefix belongs to a service (such as 800 and 900), not to a place",
}

_DECIDED = {
    "range": "range (the number lies in a range of that municipality)",
    "lada": "lada (its range is in no municipality: the main city of the LADA stands for it)",
}


def lookup_command(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="as dialled; spaces, hyphens, () allowed")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
    ranges: Annotated[
        Path | None, typer.Option("--ranges", help="CSV of number ranges that go before the packaged ones")
    ] = None,
) -> None:
    """Tell the place, state and time zone of a subscriber, and what decided; exit 1 for anyone else."""
    address = number.translate(_TYPED).encode(errors="replace")
    try:
        located = load_numbering(ranges).locate(address)
    except ReferenceDataError as error:
        print(f"posdata lookup: {error}", file=sys.stderr)
        raise typer.Exit(2) from error
    if located is None:
        reason = refusal(address)
        why = _REASONS[reason] if reason else "its LADA is not in the numbering plan"
        print(f"posdata lookup: no Mexican subscriber: {why}", file=sys.stderr)
        raise typer.Exit(1)
    if as_json:
        print(json.dumps(_document(located)))
    else:
        print(_lines(located, load_geography()))


def _document(located: Located) -> dict[str, str | None]:
    place = located.place
    return {
        "subscriber": located.subscriber,
        "lada": place.lada,
        "municipality": place.municipality,
        "state": place.state,
        "timezone": place.timezone,
        "decided_by": located.decided_by,
    }


def _lines(located: Located, geography: Geography) -> str:
    place = located.place
    lada = geography.ladas[place.lada]
    municipality = geography.municipalities[place.municipality].name if place.municipality else None
    rows = [
        ("subscriber", located.subscriber),
        ("LADA", f"{place.lada}  {lada.city}"),
        ("municipality", f"{place.municipality}  {municipality}" if municipality else "not known"),
        ("state", f"{place.state}  {geography.states[place.state].name}"),
        ("time zone", place.timezone),
        ("decided by", _DECIDED[located.decided_by]),
    ]
    if lada.shares:
        shares = ", ".join(f"{geography.states[each.state].name} {each.share:.0%}" for each in lada.shares)
        rows.append(("LADA spans", f"{shares} (of its people, 2020)"))
    return "\n".join(f"{name:<13} {value}" for name, value in rows)
