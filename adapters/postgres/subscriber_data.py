"""One person's data over all stores: shown to them, erased at their wish."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg

from adapters.postgres.audit import write_audit
from adapters.postgres.pool import Connection
from adapters.postgres.registers import on_lists
from segments.masked import masked
from segments.seal import Seal

_CHOICES = """
SELECT scope, allowed, source, wording, by, at FROM subscriber_choices WHERE number = $1 ORDER BY id DESC
"""

_LISTS = "SELECT name, source, imported_at FROM suppression_lists WHERE id = ANY($1::int[]) ORDER BY name"

# What keeps ads away stays: without it the erased would get them again.
_ERASE = """
DELETE FROM subscriber_choices c WHERE number = $1 AND (
    allowed OR EXISTS (
        SELECT FROM subscriber_choices n WHERE n.number = c.number AND n.scope = c.scope AND n.id > c.id
    )
)
"""

_BLANK = "UPDATE subscriber_choices SET version = $2, wording = '', source = 'erased' WHERE number = $1"

# Lists, too: a record that is gone is heard of only when the file is made anew.
_RAISE = "UPDATE register SET version = version + 1, lists = lists + 1 RETURNING version"

_LEADS = """
SELECT engagement, window_start, first_call, last_call, calls, option, state, lada FROM leads
WHERE caller = $1 ORDER BY first_call
"""

_CALLED = """
SELECT e.id::text AS engagement, e.name, l.option, l.first_call, l.last_call, l.calls,
    (SELECT jsonb_object_agg(a.kind, a.state) FROM answers a WHERE a.lead = l.number) AS answers
FROM leads l JOIN engagements e ON e.number = l.engagement
WHERE l.caller = $1 ORDER BY l.last_call DESC LIMIT 200
"""


async def choices_of(connection: Connection, seal: Seal, number: int) -> Sequence[Mapping[str, Any]]:
    """Return the records of a subscriber, newest first."""
    rows = await connection.fetch(_CHOICES, seal.of(number))
    return [_plain(row) for row in rows]


def _plain(row: asyncpg.Record) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}


async def export(connection: Connection, seal: Seal, number: int, *, by: str, at: datetime) -> dict[str, Any]:
    """Return all that is kept of a subscriber under their number, within a transaction; with an audit row."""
    listed = (await on_lists(connection, [seal.of(number)])).get(seal.of(number), ())
    lists = await connection.fetch(_LISTS, list(listed))
    await write_audit(connection, by, "export", "subscriber", masked(number), None, None, at)
    return {
        "subscriber": f"{number:010d}",
        "exported_at": at.isoformat(),
        "choices": list(await choices_of(connection, seal, number)),
        "leads": [_plain(row) for row in await connection.fetch(_LEADS, seal.of(number))],
        "lists": [_plain(row) for row in lists],
    }


async def look_up(
    connection: Connection, seal: Seal, number: int, *, by: str, why: str, at: datetime
) -> dict[str, Any]:
    """Return what support must know of a subscriber, in a transaction; with an audit row that says why."""
    sealed = seal.of(number)
    listed = (await on_lists(connection, [sealed])).get(sealed, ())
    found = {
        "subscriber": f"{number:010d}",
        "lists": [_plain(row) for row in await connection.fetch(_LISTS, list(listed))],
        "records": list(await choices_of(connection, seal, number)),
        "leads": [_plain(row) for row in await connection.fetch(_CALLED, sealed)],
    }
    await write_audit(connection, by, "look_up", "subscriber", masked(number), None, {"reason": why}, at)
    return found


async def erase(connection: Connection, seal: Seal, number: int, *, by: str, at: datetime) -> int:
    """Erase what is kept of a subscriber, within a transaction, with an audit row; return how many records.

    What keeps ads away from them stays: opt-outs and withdrawals that hold, without their wording, and
    their place on imported lists.
    """
    sealed = seal.of(number)
    version = await connection.fetchval(_RAISE)
    gone = [await connection.execute(_ERASE, sealed)]
    gone.append(await connection.execute("DELETE FROM leads WHERE caller = $1", sealed))
    gone.append(await connection.execute("DELETE FROM notices WHERE subscriber = $1", sealed))
    await connection.execute(_BLANK, sealed, version)
    erased = sum(int(status.split()[-1]) for status in gone)
    await write_audit(connection, by, "erase", "subscriber", masked(number), None, {"records": erased}, at)
    return erased
