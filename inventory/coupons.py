"""Lists of coupon codes as they are uploaded: one code a line, each to be given out once."""

from collections.abc import Sequence
from typing import Final, Literal

from inventory.faults import Fault
from validators import gsm7

LONGEST_CODE: Final = 20
MOST_CODES: Final = 200_000
MOST_FAULTS: Final = 100

StockLevel = Literal["low", "out"]
"""When somebody should upload more: a tenth is left, nothing is left."""

_LOW_PART: Final = 10


def read_codes(text: str) -> tuple[Sequence[str], Sequence[Fault]]:
    """Return the codes of a list in its order, and what is wrong with its lines (MOST_FAULTS at most).

    Of a line with commas or tabs the first field counts; empty lines and a byte order mark are skipped.
    """
    codes: dict[str, int] = {}
    faults: list[Fault] = []
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        code = line.replace("\t", ",").partition(",")[0].strip().strip('"').strip()
        if not code and not line.strip():
            continue
        fault = _wrong(code, number, codes)
        if fault is None:
            codes[code] = number
        elif len(faults) < MOST_FAULTS:
            faults.append(fault)
    if not codes and not faults:
        faults.append(Fault("", "empty", "la lista está vacía", "the list is empty"))
    if len(codes) > MOST_CODES:
        es, en = f"la lista pasa de {MOST_CODES} códigos", f"the list has more than {MOST_CODES} codes"
        faults.append(Fault("", "too_many", es, en))
    return list(codes), faults


def level_of(uploaded: int, left: int) -> StockLevel | None:
    """Return how short an engagement's coupons are; None while more than a tenth is left."""
    if left == 0:
        return "out"
    return "low" if left * _LOW_PART <= uploaded else None


def _wrong(code: str, number: int, known: dict[str, int]) -> Fault | None:
    where = f"/{number}"
    if (first := known.get(code)) is not None:
        return Fault(where, "twice", f"ya está en la línea {first}", f"is on line {first} already")
    septets = gsm7.septets(code)
    if not code or septets is None or not code.isprintable() or " " in code:
        return Fault(
            where,
            "code",
            "no es un código: letras y cifras del alfabeto GSM, sin espacios",
            "is no code: letters and digits of the GSM alphabet, without spaces",
        )
    if septets > LONGEST_CODE:
        return Fault(
            where,
            "too_long",
            f"pasa de {LONGEST_CODE} caracteres",
            f"is longer than {LONGEST_CODE} characters",
        )
    return None
