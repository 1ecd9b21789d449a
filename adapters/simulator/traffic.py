"""The notifications a national platform sends: who, to whom, in which words, put into which PDU."""

from collections.abc import Iterator, Mapping
from itertools import accumulate
from random import Random
from typing import Final

from adapters.simulator.notification import RAW_ONLY, Address, Kind, Notification

UNKNOWN, INTERNATIONAL, NATIONAL, ALPHANUMERIC = 0, 1, 2, 5  # type of number, 5.2.5
ISDN: Final = 1  # numbering plan E.164, 5.2.6
NATIONAL_DIGITS: Final = 10

# 24-120 characters when filled in, GSM 03.38 without accents, so that they are right in any alphabet.
PLAIN_TEXTS: Final = (
    "Llamada de {caller} {time}",
    "Llamada perdida de {caller}",
    "Llamada perdida {caller} {time} h",
    "Tienes 1 llamada perdida de {caller}",
    "Llamada perdida de {caller} a las {time} hrs",
    "Te llamaron del {caller} el {day} a las {time} hrs.",
    "Tienes {count} llamadas perdidas de {caller}. Ultima a las {time}",
    "Aviso de llamada perdida. Te llamo {caller} el {day} a las {time} h.",
    "Tienes {count} llamadas perdidas del numero {caller}, la ultima el {day} a las {time}.",
    "Mientras tu linea no estaba disponible te llamo {caller} el {day} a las {time}, {count} vez o veces",
    "Tu linea informa. Con tu telefono apagado recibiste {count} llamadas de {caller}, ultima {day} {time}.",
)
# In the GSM alphabet, not in ASCII
GSM_TEXTS: Final = ("Señal de llamada de {caller} en la mañana", "¿Te llamo {caller}? Fue a las {time}")
ACCENTED_TEXTS: Final = (
    "Llamó {caller} a las {time}, día {day}",
    "Llámale a {caller}, te llamó",
    "Te llamó {caller} el {day} a las {time}",
    "Aquí está tu aviso: llamada de {caller} a las {time} h",
)
PAYLOAD_TAIL: Final = " Consulta el detalle de tus avisos cuando quieras."

# Share, kind, data_coding, texts. Kinds that a client cannot send are left out and the rest keeps its ratios.
MIX: Final = (
    (0.770, Kind.PLAIN, 0, PLAIN_TEXTS),
    (0.030, Kind.PLAIN, 0, GSM_TEXTS),
    (0.030, Kind.PLAIN, 1, PLAIN_TEXTS),
    (0.030, Kind.PLAIN, 3, PLAIN_TEXTS),
    (0.020, Kind.PLAIN, 3, ACCENTED_TEXTS),
    (0.060, Kind.PLAIN, 8, ACCENTED_TEXTS),
    (0.020, Kind.PAYLOAD, 0, PLAIN_TEXTS),
    (0.010, Kind.DATA, 0, PLAIN_TEXTS),
    (0.010, Kind.CONCATENATED, 0, PLAIN_TEXTS),
    (0.005, Kind.SEGMENTED, 0, PLAIN_TEXTS),
    (0.005, Kind.FLASH, 0, PLAIN_TEXTS),
    (0.002, Kind.BINARY, 4, PLAIN_TEXTS),
    (0.004, Kind.REPLACING, 0, PLAIN_TEXTS),
    (0.004, Kind.SCHEDULED, 0, PLAIN_TEXTS),
)

# Share, prefix, type of number of a destination.
FORMS: Final = (
    (0.82, "52", INTERNATIONAL),
    (0.10, "", NATIONAL),
    (0.04, "521", INTERNATIONAL),
    (0.01, "+52", INTERNATIONAL),
    (0.005, "0052", UNKNOWN),
    (0.005, "044", UNKNOWN),
    (0.005, "045", UNKNOWN),
    (0.005, "01", UNKNOWN),
)
FOREIGN_SHARE: Final = 0.007
SHORT_SHARE: Final = 0.003
NAMED_CALLERS: Final = ("BUZON", "Tu linea", "AVISOS", "Mi Banco")
NAMED_SHARE: Final = 0.02


class Traffic:
    """An endless, reproducible stream of notifications.

    `weights` is the traffic by LADA. `kinds` None is every kind; aiosmpplib can send all but `RAW_ONLY`.
    `receipts` is the share that asks for a receipt. Every number is LADA + 0 + digits, so nobody's.
    """

    def __init__(
        self,
        chance: Random,
        weights: Mapping[str, float],
        *,
        kinds: frozenset[Kind] | None = None,
        receipts: float = 0.0,
    ) -> None:
        if not weights:
            raise ValueError("weights must name at least one LADA")
        self._chance = chance
        self._ladas = list(weights)
        self._until = list(accumulate(weights.values()))
        self._mix = [row for row in MIX if kinds is None or row[1] in kinds]
        self._mix_until = list(accumulate(row[0] for row in self._mix))
        self._forms_until = list(accumulate(row[0] for row in FORMS))
        self._receipts = receipts
        # three-digit LADAs only: +1 with a zero after them is no North American number either
        self._foreign = [lada for lada in self._ladas if len(lada) == 3] or ["871"]

    def __iter__(self) -> Iterator[Notification]:
        """Return the stream itself."""
        return self

    def __next__(self) -> Notification:
        """Return the next notification; there is always one."""
        chance = self._chance
        _, kind, coding, texts = chance.choices(self._mix, cum_weights=self._mix_until)[0]
        caller = self._number(self._lada())
        text = chance.choice(texts).format(
            caller=caller,
            time=f"{chance.randrange(24):02d}.{chance.randrange(60):02d}",
            day=f"{chance.randrange(1, 29):02d}/{chance.randrange(1, 13):02d}",
            count=chance.randrange(2, 10),
        )
        if kind is Kind.PAYLOAD and chance.random() < 0.5:
            text += PAYLOAD_TAIL
        registered = 1 if self._receipts and chance.random() < self._receipts else 0
        return Notification(self._sender(caller), self._destination(), text, coding, kind, registered)

    def _lada(self) -> str:
        return self._chance.choices(self._ladas, cum_weights=self._until)[0]

    def _number(self, lada: str) -> str:
        rest = NATIONAL_DIGITS - len(lada) - 1
        return f"{lada}0{self._chance.randrange(10**rest):0{rest}d}"

    def _sender(self, caller: str) -> Address:
        if self._chance.random() < NAMED_SHARE:
            return Address(self._chance.choice(NAMED_CALLERS), ALPHANUMERIC, 0)
        if self._chance.random() < 0.5:
            return Address("52" + caller, INTERNATIONAL, ISDN)
        return Address(caller, NATIONAL, ISDN)

    def _destination(self) -> Address:
        draw = self._chance.random()
        if draw < FOREIGN_SHARE:
            return Address("1" + self._number(self._chance.choice(self._foreign)), INTERNATIONAL, ISDN)
        if draw < FOREIGN_SHARE + SHORT_SHARE:
            return Address(f"0{self._chance.randrange(10**4):04d}", UNKNOWN, 0)
        _, prefix, ton = self._chance.choices(FORMS, cum_weights=self._forms_until)[0]
        return Address(prefix + self._number(self._lada()), ton, ISDN)


SENDABLE_BY_LIBRARY: Final = frozenset(Kind) - RAW_ONLY
