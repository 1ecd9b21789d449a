"""Campaigns as people and programs work with them: found, listed, created, edited, moved along.

Whoever does not see a campaign's brand is told that there is none; every change is audited where it is made.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from adapters.postgres.audit import write_audit
from adapters.postgres.campaign_documents import (
    FIELDS,
    asked_document,
    draft_of,
    read_documents,
    read_texts,
)
from adapters.postgres.campaign_numbers import (
    check_number,
    move_number,
    release_number,
    take_number,
)
from adapters.postgres.campaign_rows import FaultyDraft, QuantityError, add_campaign, change_campaign
from adapters.postgres.identity import MissingError
from adapters.postgres.locked_campaign import Deed, Locked, find_row, lock_campaign
from adapters.postgres.pool import Connection, Pool, snapshot
from adapters.postgres.stock import Stock
from adapters.postgres.switches import RAISE_VERSION
from engine.access import Principal
from inventory.campaign import CampaignState, Review
from inventory.changes import SpentError, change
from inventory.document import DocumentRefusedError
from inventory.draft import CampaignDraft
from inventory.workflow import BOOKED, Action, Transition, decide

Reader = Callable[[Mapping[str, Any]], CampaignDraft]
"""Reads a campaign document. Raises `DocumentRefusedError` with every fault."""

_PAGE = """
SELECT c.* FROM campaigns c
WHERE ($1 OR c.brand = ANY($2)) AND ($3::text IS NULL OR c.brand = $3) AND ($4::text IS NULL OR c.state = $4)
    AND ($5::text IS NULL OR c.name ILIKE $5 OR c.external_id ILIKE $5 OR c.brand ILIKE $5)
    AND ($6::uuid IS NULL OR c.number < (SELECT number FROM campaigns WHERE id = $6))
ORDER BY c.number DESC LIMIT $7
"""

_MOVE = """
UPDATE campaigns SET state = $2, version = version + 1,
    finish_reason = CASE WHEN $2 = 'finished' THEN 'cancelled' END
WHERE number = $1
"""
_SUBMITTED = """
UPDATE campaigns SET submitted_at = $2, submitted_by = $3, decided_at = NULL, decided_by = NULL,
    reject_reason = NULL, first_approver = NULL, first_approved_by = NULL, first_approved_at = NULL,
    authors = ARRAY(SELECT DISTINCT unnest(authors || $4::text))
WHERE number = $1
"""
_APPROVED = """
UPDATE campaigns SET approved_at = $2, earliest_start = $3, decided_at = $2, decided_by = $4 WHERE number = $1
"""
_FIRST_APPROVED = """
UPDATE campaigns SET first_approver = $2, first_approved_by = $3, first_approved_at = $4 WHERE number = $1
"""
_REJECTED = "UPDATE campaigns SET decided_at = $2, decided_by = $3, reject_reason = $4 WHERE number = $1"
_PAUSED = "UPDATE campaigns SET paused_by_carrier = $2 WHERE number = $1"
_REVIEW_PENDING = """
UPDATE creative_versions v SET review = $2, reviewed_by = $3, reviewed_at = $4, reason = $5
FROM creatives cr
WHERE cr.id = v.creative AND cr.campaign = $1 AND cr.removed_at IS NULL AND v.review = 'pending'
    AND ($6::uuid[] IS NULL OR cr.id = ANY($6))
    AND NOT EXISTS (SELECT FROM creative_versions w WHERE w.creative = cr.id AND w.version > v.version)
"""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which campaigns: of a brand, in a state, with a part of their names; those listed after `after`."""

    brand: str | None = None
    state: str | None = None
    q: str | None = None
    after: UUID | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Page:
    """Campaigns, newest first; `after` asks for the next page, None after the last."""

    items: Sequence[dict[str, Any]]
    after: str | None


@dataclass(frozen=True, slots=True)
class Word:
    """What goes with an action: a reason, a hold from the form, the texts that a rejection is about."""

    reason: str | None = None
    hold: str | None = None
    texts: Sequence[str] = ()


class PostgresDesk:
    """The campaigns of whoever asks; instants, lead time and the stock's judge are passed in."""

    def __init__(self, pool: Pool, stock: Stock) -> None:
        self._pool = pool
        self._stock = stock

    async def find(self, campaign: str, principal: Principal, *, now: datetime) -> dict[str, Any]:
        """Return a campaign's document. Raises `MissingError`."""
        async with snapshot(self._pool) as connection:
            row = await find_row(connection, campaign, principal)
            [document] = await read_documents(connection, [row], now)
        return document

    async def page(self, principal: Principal, which: Filter, *, now: datetime) -> Page:
        """Return a page of the campaigns that a principal sees, newest first."""
        pattern = None if which.q is None else f"%{_escaped(which.q)}%"
        async with snapshot(self._pool) as connection:
            rows = await connection.fetch(
                _PAGE,
                *(principal.is_carrier, sorted(principal.brands), which.brand, which.state, pattern),
                *(which.after, which.limit + 1),
            )
            shown = rows[: which.limit]
            items = await read_documents(connection, shown, now)
        return Page(items, str(shown[-1]["id"]) if len(rows) > which.limit else None)

    async def create(
        self, drafts: Sequence[CampaignDraft | FaultyDraft], deed: Deed, *, submit: bool = False
    ) -> list[str]:
        """Store drafts, all or none, and return their ids; with `submit` they are submitted at once.

        Raises `MissingError` for a brand that is gone, and what `act` raises.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            if submit:
                await self._stock.lock(connection)
            ids = []
            for draft in drafts:
                try:
                    row = await add_campaign(
                        connection, draft, approve=False, now=deed.now, author=deed.author
                    )
                except asyncpg.ForeignKeyViolationError:
                    raise MissingError("brand") from None
                ids.append(str(row["id"]))
            if submit:
                for each in ids:
                    await self._act(connection, Action.SUBMIT, each, deed, Word())
            for each, draft in zip(ids, drafts, strict=True):
                state = CampaignState.SUBMITTED if submit else CampaignState.DRAFT
                after = {"name": draft.name, "brand": draft.brand, "state": state.value}
                await write_audit(
                    connection, deed.principal.name, "create", "campaign", each, None, after, deed.now
                )
        return ids

    async def edit(
        self, campaign: str, fields: Mapping[str, Any], read: Reader, deed: Deed, *, keep_faults: bool
    ) -> dict[str, Any]:
        """Replace fields of a campaign and return its document.

        With `keep_faults` a draft may be left as it is sent, faults and all. Raises `MissingError`,
        `StaleError`, `DocumentRefusedError`, `SpentError`, `UnavailableError`, `NumberTakenError`, and the
        workflow's refusals.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            await self._stock.lock(connection)
            locked = await lock_campaign(connection, campaign, deed)
            row = decide(Action.EDIT, locked.standing, deed.actor, now=deed.now, lead_time=deed.lead_time)
            state = row.target or locked.standing.state
            before = asked_document(locked.row, locked.texts, locked.ledger["quantity"])
            wanted = {**before, **fields}
            draft = await read_draft(wanted, read, deed, keep_faults=keep_faults and state not in BOOKED)
            moved = False
            if state in BOOKED:
                moved = _checked_change(draft, locked)
            try:
                await change_campaign(
                    connection, locked.number, draft, state, locked.texts, author=deed.author, now=deed.now
                )
            except QuantityError:
                raise SpentError(locked.ledger["settled"] + locked.ledger["leased"]) from None
            if moved:
                await self._stock.check(connection, locked.number, now=deed.now)
            if state in BOOKED:
                await move_number(connection, locked.number, by=deed.principal.name, now=deed.now)
            if state not in BOOKED:
                await self._stock.release(connection, locked.number)
            return await self._audited(connection, locked, "edit", deed, before)

    async def act(self, action: Action, campaign: str, deed: Deed, word: Word) -> dict[str, Any]:
        """Take an action and return the campaign's document.

        Raises `MissingError`, `StaleError`, `UnavailableError`, `NoHoldError`, `NumberTakenError`,
        `NumberNotStartedError`, and the workflow's refusals.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            if action in {Action.SUBMIT, Action.APPROVE}:
                await self._stock.lock(connection)
            locked = await self._act(connection, action, campaign, deed, word)
            return await self._audited(connection, locked, action.value, deed, None, word.reason)

    async def _act(
        self, connection: Connection, action: Action, campaign: str, deed: Deed, word: Word
    ) -> Locked:
        locked = await lock_campaign(connection, campaign, deed)
        row = decide(
            action,
            locked.standing,
            deed.actor,
            now=deed.now,
            lead_time=deed.waits(locked.row),
            reason=word.reason,
        )
        await self._apply(connection, row, locked, deed, word)
        return locked

    async def _apply(
        self, connection: Connection, row: Transition, locked: Locked, deed: Deed, word: Word
    ) -> None:
        number, name, now = locked.number, deed.principal.name, deed.now
        opens = now + deed.waits(locked.row)
        if row.action is Action.SUBMIT:
            await connection.execute(_SUBMITTED, number, now, name, deed.principal.id)
            hold = None if locked.row["test"] else word.hold
            await self._stock.hold(connection, number, hold, deed.principal.id, now=now, opens=opens)
            await check_number(connection, number, now=now)
        elif row.first_of_two:
            await connection.execute(_FIRST_APPROVED, number, deed.principal.id, name, now)
        elif row.action is Action.APPROVE:
            await connection.execute(_APPROVED, number, now, opens, name)
            await self._stock.check(connection, number, now=now)
            await connection.execute(_REVIEW_PENDING, number, Review.APPROVED.value, name, now, None, None)
            await take_number(connection, number, timezone=deed.timezone, by=name, now=now)
        elif row.action is Action.REJECT:
            await connection.execute(_REJECTED, number, now, name, word.reason)
            texts = [UUID(each) for each in word.texts]
            await connection.execute(
                _REVIEW_PENDING, number, Review.REJECTED.value, name, now, word.reason, texts
            )
        elif row.action in {Action.PAUSE, Action.RESUME}:
            by_carrier = row.action is Action.PAUSE and deed.principal.is_carrier
            await connection.execute(_PAUSED, number, by_carrier)
        state = row.target or locked.standing.state
        await connection.execute(_MOVE, number, state.value)
        if row.action in {Action.APPROVE, Action.REJECT, Action.CANCEL} and not row.first_of_two:
            await self._stock.release(connection, number)
        if row.action is Action.CANCEL:
            await release_number(connection, number, by=name, now=now)
        if row.action in {Action.PAUSE, Action.RESUME, Action.CANCEL}:
            await connection.execute(RAISE_VERSION, name, now)

    async def _audited(
        self,
        connection: Connection,
        locked: Locked,
        action: str,
        deed: Deed,
        asked: Mapping[str, Any] | None,
        reason: str | None = None,
    ) -> dict[str, Any]:
        row = await connection.fetchrow("SELECT * FROM campaigns WHERE number = $1", locked.number)
        assert row is not None  # noqa: S101  # it is locked
        [document] = await read_documents(connection, [row], deed.now)
        before: dict[str, Any] = {"state": locked.row["state"], "version": locked.row["version"]}
        after: dict[str, Any] = {"state": document["state"], "version": document["version"]}
        if asked is not None:
            now_asked = asked_document(
                row,
                (await read_texts(connection, [locked.number])).get(locked.number, ()),
                document["quantity"],
            )
            changed = [name for name in FIELDS if asked.get(name) != now_asked.get(name)]
            before |= {name: asked.get(name) for name in changed}
            after |= {name: now_asked.get(name) for name in changed}
        if reason:
            after["reason"] = reason
        await write_audit(
            connection, deed.principal.name, action, "campaign", document["id"], before, after, deed.now
        )
        return document


async def read_draft(
    document: Any, read: Reader, deed: Deed, *, keep_faults: bool
) -> CampaignDraft | FaultyDraft:
    """Read a document in a thread; with `keep_faults` one with faults is kept if its brand is right.

    Raises `DocumentRefusedError`.
    """
    try:
        return await asyncio.to_thread(read, document)
    except DocumentRefusedError as refused:
        brand = document.get("brand") if isinstance(document, Mapping) else None
        wrong = any(fault.pointer == "/brand" for fault in refused.faults)
        if not keep_faults or wrong or not isinstance(brand, str) or not deed.principal.sees(brand):
            raise
        return FaultyDraft(document, brand, refused.faults)


def _checked_change(draft: CampaignDraft | FaultyDraft, locked: Locked) -> bool:
    """Tell whether an edit of a sold campaign needs its quantity looked at again. Raises its refusals."""
    if isinstance(draft, FaultyDraft):
        raise DocumentRefusedError(draft.faults)
    former = draft_of(locked.row, locked.texts, locked.ledger["quantity"])
    found, faults = change(former, draft, locked.ledger["settled"] + locked.ledger["leased"])
    if faults:
        raise DocumentRefusedError(faults)
    return found.needs_availability


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
