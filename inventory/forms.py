"""Forms that texts must have, as patterns, and what they are called."""

from collections.abc import Mapping
from typing import Final

IDENTIFIER: Final = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
NAME: Final = r"^\S(.*\S)?$"
NOT_BLANK: Final = r"\S"
EMAIL: Final = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"
SENDER: Final = r"^[^@\s<>]+@[^@\s<>]+$"
SCOPE: Final = "^[a-z-]+(:read)?$"
CALL_ID: Final = "^[!-~]{1,64}$"
CLOCK: Final = "^[0-9]{2}:[0-9]{2}$"
SHORT_CODE: Final = "^[0-9]{3,15}$"
VISIBLE_ASCII: Final = "^[!-~]+$"
PRINTABLE_ASCII: Final = "^[ -~]*$"

CALLED: Final[Mapping[str, tuple[str, str]]] = {
    IDENTIFIER: ("un identificador tal como se le dio (un UUID)", "an id as it was given to you (a UUID)"),
    NAME: ("un texto sin espacios al principio ni al final", "a text without spaces at its ends"),
    NOT_BLANK: ("un texto con algo más que espacios", "a text of more than spaces"),
    EMAIL: ("una dirección de correo", "an e-mail address"),
    SENDER: ("una dirección de correo", "an e-mail address"),
    SCOPE: ("un alcance como campaigns o campaigns:read", "a scope such as campaigns or campaigns:read"),
    CALL_ID: ("de 1 a 64 caracteres ASCII sin espacios", "1 to 64 ASCII characters without spaces"),
    CLOCK: ("una hora como 09:00", "a time such as 09:00"),
    SHORT_CODE: ("de 3 a 15 dígitos", "3 to 15 digits"),
    VISIBLE_ASCII: ("caracteres ASCII sin espacios", "ASCII characters without spaces"),
    PRINTABLE_ASCII: ("caracteres ASCII", "ASCII characters"),
}
"""Each form in Spanish and English, to follow "must be"."""
