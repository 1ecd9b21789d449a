"""What answers a missed call: a template that becomes one SMS, and when it is tried again."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from inventory.coupons import LONGEST_CODE
from inventory.faults import Fault
from validators import gsm7

PART_SEPTETS: Final = 160
PART_UNITS: Final = 70
PLACEHOLDERS: Final = ("name", "brand", "code", "option")
"""What a template may stand for: the engagement's name, its brand, a coupon's code, the option voted for."""

GIVE_UP_AFTER: Final = timedelta(hours=24)
_FIRST_WAIT: Final = timedelta(seconds=1)
_LONGEST_WAIT: Final = timedelta(minutes=10)
_DOUBLINGS: Final = 10
_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Size:
    """What a text takes of one SMS: septets of 160, or UCS-2 units of 70."""

    used: int
    limit: int
    wide: bool

    @property
    def fits(self) -> bool:
        """Tell whether it is one SMS."""
        return self.used <= self.limit


def size_of(text: str) -> Size:
    """Return what a text takes; one character outside the GSM alphabet makes all of it UCS-2."""
    septets = gsm7.septets(text)
    if septets is not None:
        return Size(septets, PART_SEPTETS, wide=False)
    return Size(len(text.encode("utf-16-be")) // 2, PART_UNITS, wide=True)


def filled(template: str, values: Mapping[str, str]) -> str:
    """Return a template with its placeholders replaced; what stands in a value is not read again."""
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), template)


def template_faults(
    template: str, *, name: str, brand: str, options: Sequence[str], coupon: bool
) -> Sequence[Fault]:
    """Return what is wrong with a confirmation, measured with the longest values it may ever be given."""
    faults = [_unknown(found) for found in _PLACEHOLDER.findall(template) if found not in PLACEHOLDERS]
    if any(not each.isprintable() and each != "\n" for each in template):
        faults.append(_fault("control", "lleva caracteres de control", "holds control characters"))
    if ("{code}" in template) != coupon:
        faults.append(_code(coupon=coupon))
    fixed = {"name": name, "brand": brand, "code": "0" * LONGEST_CODE}
    sizes = [size_of(filled(template, {**fixed, "option": option})) for option in options or ("",)]
    size = max(sizes, key=lambda each: each.used / each.limit)
    if not size.fits:
        faults.append(_too_long(size))
    return faults


def retry_at(attempts: int, created: datetime, now: datetime) -> datetime | None:
    """Return when to send again after so many refusals (1 s, doubling to 10 min); None after a day."""
    wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(max(attempts - 1, 0), _DOUBLINGS))
    then = now + wait
    return then if then < created + GIVE_UP_AFTER else None


def _unknown(placeholder: str) -> Fault:
    known = ", ".join("{" + each + "}" for each in PLACEHOLDERS)
    return _fault(
        "placeholder",
        f"{{{placeholder}}} no se conoce; se conocen {known}",
        f"{{{placeholder}}} is not known; known are {known}",
    )


def _code(*, coupon: bool) -> Fault:
    if coupon:
        return _fault(
            "code_missing",
            "debe llevar {code}: es lo que se entrega",
            "must hold {code}: that is what is given",
        )
    return _fault("code", "solo un cupón lleva {code}", "only a coupon's confirmation holds {code}")


def _too_long(size: Size) -> Fault:
    if size.wide:
        es = f"ocupa {size.used} de {size.limit} caracteres de un SMS con letras fuera del alfabeto GSM"
        en = f"takes {size.used} of the {size.limit} characters of an SMS with letters outside GSM 03.38"
    else:
        es = f"ocupa {size.used} de {size.limit} caracteres de un SMS"
        en = f"takes {size.used} of one SMS's {size.limit} characters"
    more = f" ({{code}} cuenta {LONGEST_CODE})", f" ({{code}} counts as {LONGEST_CODE})"
    return _fault("too_long", es + more[0], en + more[1])


def _fault(code: str, es: str, en: str) -> Fault:
    return Fault("/confirmation", code, es, en)
