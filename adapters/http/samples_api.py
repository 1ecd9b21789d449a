"""`campaigns/{id}/test-send`: a campaign's text on a verified handset, as a notification would bring it."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from adapters.http.operations import Answer, Call, NoQuery, Operation, Shape
from adapters.http.problems import ProblemError
from adapters.http.services import Sender, Services
from adapters.postgres.audit import write_audit
from adapters.postgres.campaign_documents import read_texts
from adapters.postgres.identity import MissingError
from adapters.postgres.locked_campaign import find_row
from adapters.smpp.constants import ESME_ROK
from adapters.smpp.esme import NoAnswerError, NotBoundError
from adapters.smpp.esme_core import Outgoing
from adapters.smpp.one_part import TooLongError, one_part
from engine.access import Role
from engine.composition import DefaultAlphabet
from engine.settings import Esme
from engine.trial_list import trial_subscriber
from inventory.faults import Fault
from inventory.forms import IDENTIFIER

SENDERS = frozenset({Role.ADVERTISER, Role.APPROVER, Role.OPS})
COUNTRY = "52"


class SampleIn(Shape):
    """Where to, and which creative; the first one without."""

    to: str = Field(min_length=1, max_length=20, description="A verified handset (`esme.handsets`).")
    creative: Annotated[str, Field(pattern=IDENTIFIER)] | None = None


class SampleSent(Shape):
    """What the SMSC said; `unknown` when it did not answer: the sample may have gone out."""

    outcome: Literal["accepted", "refused", "unknown"]
    status: str | None
    message_id: str | None
    text: str


def samples_operations(services: Services) -> Sequence[Operation]:
    """Return the operation."""

    async def send(call: Call[NoQuery, SampleIn]) -> Answer:
        text = await _text(services, call)  # what isn't theirs does not exist, whatever else is wrong
        session, esme = services.esme, services.settings().esme
        if session is None or esme is None:
            raise ProblemError(
                "conflict",
                es="esta instalación no envía muestras: falta esme en los ajustes",
                en="this installation sends no samples: esme is missing in the settings",
            )
        subscriber = _handset(call.body.to, esme)
        whole = esme.sample + services.settings().ads.separator + text
        alphabet = services.settings().relay.notifications.default_alphabet
        message = _message(whole, alphabet, esme, subscriber)
        answer = await _sent(session, message)
        async with services.pool.acquire() as connection, connection.transaction():
            after = {"to": f"…{subscriber % 10_000:04d}", "text": text, "outcome": answer["outcome"]}
            await write_audit(
                connection, call.principal.name, "test-send", "campaign", call.path["id"], None, after,
                services.now(),
            )  # fmt: skip
        return Answer({**answer, "text": whole})

    return [
        Operation("POST", "/campaigns/{id}/test-send", "test_send",
                  "Send a sample with a campaign's text to a verified handset.", "campaigns",
                  send, roles=SENDERS, body=SampleIn, answer=SampleSent, problems=("conflict", "not_found"),
                  example={"to": "55 0123 4567"}, rate="20/minute"),
    ]  # fmt: skip


def _handset(to: str, esme: Esme) -> int:
    """Return the ten digits of a verified handset. Raises `ProblemError`."""
    try:
        subscriber = trial_subscriber(to)
    except ValueError as error:
        raise _refused("/to", "subscriber", "no es un suscriptor mexicano", str(error)) from None
    if subscriber not in esme.handsets:
        raise _refused(
            "/to",
            "not_verified",
            "no es un teléfono verificado: el operador lo agrega en esme.handsets",
            "is no verified handset: the carrier adds it to esme.handsets",
        )
    return subscriber


async def _text(services: Services, call: Call[NoQuery, SampleIn]) -> str:
    """Return the newest text of the creative. Raises `ProblemError`."""
    async with services.pool.acquire() as connection:
        try:
            row = await find_row(connection, call.path["id"], call.principal)
        except MissingError:
            raise ProblemError("not_found") from None
        texts = (await read_texts(connection, [row["number"]])).get(row["number"], ())
    wanted = call.body.creative
    found = next((each for each in texts if wanted in {None, str(each["id"])}), None)
    if found is None:
        raise _refused(
            "/creative", "unknown_creative", "la campaña no tiene ese texto", "the campaign has no such text"
        )
    return str(found["text"])


def _message(text: str, alphabet: DefaultAlphabet, esme: Esme, subscriber: int) -> Outgoing:
    """Return a text of one part, in the SMSC's default alphabet or UCS-2. Raises `ProblemError`."""
    try:
        coding, body = one_part(text, alphabet)
    except TooLongError:
        raise _refused(
            "/creative",
            "no_room",
            "el texto no cabe junto a la notificación de muestra (esme.sample)",
            "the text does not fit beside the sample notification (esme.sample)",
        ) from None
    return Outgoing(esme.source_addr, f"{COUNTRY}{subscriber:010d}", body, coding)


async def _sent(session: Sender, message: Outgoing) -> dict[str, Any]:
    try:
        answer = await session.submit(message)
    except NotBoundError:
        raise ProblemError(
            "conflict",
            es="la sesión con el SMSC no está abierta ahora; intente en un minuto",
            en="the session with the SMSC is not open now; try again in a minute",
            headers={"Retry-After": "60"},
        ) from None
    except NoAnswerError:
        return {"outcome": "unknown", "status": None, "message_id": None}
    taken = answer.status == ESME_ROK
    return {
        "outcome": "accepted" if taken else "refused",
        "status": f"0x{answer.status:02x}",
        "message_id": answer.message_id if taken else None,
    }


def _refused(pointer: str, code: str, es: str, en: str) -> ProblemError:
    return ProblemError("invalid", faults=[Fault(pointer, code, es, en)])
