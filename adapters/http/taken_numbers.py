"""A response number that can't be had, told as a fault."""

from datetime import datetime
from typing import cast

from adapters.postgres.engagements import NumberTakenError
from inventory.faults import Fault


def taken_fault(taken: NumberTakenError, pointer: str, *, named: bool = False) -> Fault:
    """Say which number stands in the way and until when; `named` says whose it is, for the carrier alone."""
    if taken.holder is None:
        es, en = f"{taken.digits} no está entre los números", f"{taken.digits} is not in the pool"
        return Fault(pointer, "not_in_pool", es, en)
    starts, ends = taken.holder.get("starts"), taken.holder.get("ends")
    since = "" if starts is None else f"{cast('datetime', starts):%Y-%m-%d %H:%M} UTC"
    until = "…" if ends is None else f"{cast('datetime', ends):%Y-%m-%d %H:%M} UTC"
    name = taken.holder.get("name")
    by_es, by_en = (f" a «{name}»", f' to "{name}"') if named else ("", "")
    return Fault(
        pointer,
        "assigned",
        f"{taken.digits} ya está asignado{by_es} de {since} a {until}",
        f"{taken.digits} is assigned{by_en} from {since} to {until}",
    )
