"""The daily report by e-mail: to those who own campaigns, once, into a file or through a server."""

import asyncio
import csv
import io
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from adapters.mail.post import MAIL_FOLDER, MailError, RefusedError
from adapters.postgres.books import PostgresBooks
from adapters.postgres.campaigns import PostgresCampaigns
from adapters.postgres.identity import PostgresIdentity
from adapters.postgres.pool import Pool
from adapters.processes.mailing import Mailing, day_due
from engine.access import OrganisationKind, Role
from engine.settings import Settings
from inventory.books import Batch, CountKey, Epoch, Event, LeaseRequest
from inventory.campaign import CampaignClass
from inventory.draft import CampaignDraft, CreativeDraft
from segments.targets import Target

pytestmark = pytest.mark.postgres

EPOCH = Epoch("relay-1", 0, 1)
NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)  # 09:00 in Mexico
YESTERDAY = int(NOW.timestamp()) // 3600 - 24
DRAFT = CampaignDraft(
    name="Buen Fin\u00a0ñ",
    brand="tienda-sol",
    category="retail",
    campaign_class=CampaignClass.HOUSE,
    creatives=(CreativeDraft("Buen Fin en tienda sol, 40 de descuento. Marca 5512345678"),),
    target=Target(),
    starts_at=NOW - timedelta(days=5),
    ends_at=NOW + timedelta(days=5),
    quantity=None,
)


def settings(**email: Any) -> Settings:
    """Return settings that mail at 07:00."""
    return Settings.model_validate({"reports": {"daily_at": "07:00", "email": email}})


async def yesterday_counted(pool: Pool) -> None:
    """Count 7 insertions of tienda-sol yesterday; its advertiser and another one are users."""
    identity = PostgresIdentity(pool)
    for name, brand in (("Sol", "tienda-sol"), ("Luna", "cafe-luna")):
        organisation = await identity.add_organisation(name, OrganisationKind.ADVERTISER, actor="cli", at=NOW)
        await identity.add_brand(brand, "retail", organisation, actor="cli", at=NOW)
        await identity.add_user(
            f"ana@{brand}.example", "Ana", organisation, Role.ADVERTISER,
            password_hash=None, brands=None, language="es", actor="cli", at=NOW,
        )  # fmt: skip
    await PostgresCampaigns(pool).add([DRAFT, replace(DRAFT, name="Sin nada")], approve=True, now=NOW)
    number = await pool.fetchval("SELECT min(number) FROM campaigns")
    books = PostgresBooks(pool)
    await books.open_epoch(EPOCH, "boot")
    await books.grant(EPOCH, [LeaseRequest(number, 0, 10.0)], 30.0, 1, now=NOW)
    await books.settle(Batch(EPOCH, 0, 1, {(CountKey(number, 0, 55, YESTERDAY), Event.INSERTED, ""): 7}))


def mails(data_dir: Path) -> list[EmailMessage]:
    """Return what was written."""
    found = sorted((data_dir / MAIL_FOLDER).glob("*.eml"))
    return [message_from_bytes(path.read_bytes(), policy=default) for path in found]


@pytest.mark.parametrize(("hour", "is_due"), [(12, False), (13, True), (23, True)])
def test_the_report_is_due_from_its_hour_on(hour: int, is_due: bool) -> None:
    """At 07:00 of the default zone, about the day before; without an hour never."""
    now = NOW.replace(hour=hour)
    assert (day_due(settings(), now) is not None) is is_due
    assert day_due(Settings(), now) is None


def test_owners_get_yesterdays_table_once(pool: Pool, runner: asyncio.Runner, data_dir: Path) -> None:
    """Whoever counted nothing gets no mail, and nobody gets two, whatever node sends."""

    async def go() -> None:
        await yesterday_counted(pool)
        nodes = [Mailing(settings, data_dir) for _ in range(2)]
        assert [await node.send(pool, NOW) for node in nodes] == [1, 0]

    runner.run(go())
    [mail] = mails(data_dir)
    assert (mail["To"], mail["Subject"]) == ("ana@tienda-sol.example", "Posdata: reporte del 2026-11-23")
    [table] = mail.iter_attachments()
    rows = list(csv.DictReader(io.StringIO(table.get_payload(decode=True).decode("utf-8-sig"))))
    assert [(row["label"], row["inserted"]) for row in rows] == [(DRAFT.name, "7"), ("total", "7")]


Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def mail_server(heard: list[bytes], refuses: bytes = b"nobody") -> Answer:
    """Return an SMTP server that writes down what it is told, and takes no mail to `refuses`."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 test\r\n")
        while line := await reader.readline():
            heard.append(line)
            command = line.lower()
            if command.startswith(b"data"):
                writer.write(b"354 go on\r\n")
                heard.append(await reader.readuntil(b"\r\n.\r\n"))
            if command.startswith(b"quit"):
                writer.write(b"221 bye\r\n")
                break
            refused = command.startswith(b"rcpt") and refuses in command
            writer.write(b"550 no such mailbox\r\n" if refused else b"250 fine\r\n")
        writer.close()

    return answer


def test_a_mailbox_that_is_refused_keeps_no_other_waiting(
    pool: Pool, runner: asyncio.Runner, data_dir: Path
) -> None:
    """Who comes later in the list gets the report; the refusal is told and tried again."""
    heard: list[bytes] = []

    async def go() -> None:
        await yesterday_counted(pool)
        organisation = await pool.fetchval("SELECT id FROM organisations WHERE name = 'Sol'")
        await PostgresIdentity(pool).add_user(
            "zoe@tienda-sol.example", "Zoe", str(organisation), Role.BRAND_MANAGER,
            password_hash=None, brands=None, language="es", actor="cli", at=NOW,
        )  # fmt: skip
        async with await asyncio.start_server(mail_server(heard, b"ana@"), "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            to_server = settings(smtp_host="127.0.0.1", smtp_port=port, security="none")
            for _ in range(2):
                with pytest.raises(RefusedError, match="no such mailbox"):
                    await Mailing(lambda: to_server, data_dir).send(pool, NOW)

    runner.run(go())
    asked = [line.lower() for line in heard if line.lower().startswith(b"rcpt")]
    assert [b"zoe@" in line for line in asked] == [False, True, False]


def test_a_server_that_is_away_is_tried_again(pool: Pool, runner: asyncio.Runner, data_dir: Path) -> None:
    """What it did not take is sent later, and then it is in its hands."""
    heard: list[bytes] = []
    answer = mail_server(heard)

    async def go() -> None:
        await yesterday_counted(pool)
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        to_server = settings(smtp_host="127.0.0.1", smtp_port=port, security="none")
        server.close()
        await server.wait_closed()
        with pytest.raises(MailError):
            await Mailing(lambda: to_server, data_dir).send(pool, NOW)
        async with await asyncio.start_server(answer, "127.0.0.1", port):
            assert await Mailing(lambda: to_server, data_dir).send(pool, NOW) == 1

    runner.run(go())
    assert b"rcpt to:<ana@tienda-sol.example>" in b"".join(heard).lower()
    assert b"Auto-Submitted: auto-generated" in b"".join(heard)
    assert mails(data_dir) == []
