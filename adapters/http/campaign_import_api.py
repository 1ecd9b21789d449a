"""`campaigns/import`: many campaigns at once, from JSON, YAML or a table; all of them or none."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adapters.files.campaign_csv import TableError, read_table
from adapters.files.yaml_lines import UnreadableError, parse
from adapters.http.campaign_answers import deed_of, reader_of, told
from adapters.http.campaign_shapes import ImportQuery, ImportReport
from adapters.http.judging import stock_of
from adapters.http.operations import Answer, Call, Operation
from adapters.http.problems import ProblemError
from adapters.http.services import Services
from adapters.postgres.desk import PostgresDesk, Reader
from engine.access import Role
from inventory.document import DocumentRefusedError
from inventory.draft import CampaignDraft
from inventory.faults import Fault

MOST = 1000
# Each submission looks at the stock, and nobody else can book meanwhile.
MOST_SUBMITTED = 50
MAX_OCTETS = 1024 * 1024
TYPES = ("application/json", "application/yaml", "text/csv")


@dataclass(frozen=True, slots=True)
class Entry:
    """One campaign of a file: the line where it begins, and its document, or what is wrong with the row."""

    line: int
    document: Any
    fault: Fault | None = None


def import_operations(services: Services) -> Sequence[Operation]:
    """Return the operation."""

    async def take_in(call: Call[ImportQuery, bytes]) -> Answer:
        deed = deed_of(call, services)
        read = await reader_of(services, call.principal, deed.now)
        with told():
            drafts = await asyncio.to_thread(
                _read_all,
                call.body,
                call.request.content_type,
                read,
                MOST_SUBMITTED if call.query.submit else MOST,
            )
            desk = PostgresDesk(services.pool, stock_of(services, deed.now))
            ids = await desk.create(drafts, deed, submit=call.query.submit)
        made = [
            {"row": row, "id": each, "name": draft.name}
            for row, (each, draft) in enumerate(zip(ids, drafts, strict=True), start=1)
        ]
        return Answer({"imported": made}, 201)

    return [
        Operation(
            "POST",
            "/campaigns/import",
            "import_campaigns",
            "Book many campaigns as drafts, all of them or none.",
            "campaigns",
            take_in,
            roles=frozenset({Role.ADVERTISER}),
            query=ImportQuery,
            raw_body=True,
            body_types=TYPES,
            answer=ImportReport,
            status=201,
            max_octets=MAX_OCTETS,
            rate="30/minute",
        )
    ]


def _read_all(octets: bytes, content_type: str, read: Reader, most: int) -> list[CampaignDraft]:
    """Read every campaign. Raises `DocumentRefusedError` with the faults of all, each with its line."""
    entries, faults = (_table(octets), []) if content_type == "text/csv" else _documents(octets)
    if not 1 <= len(entries) <= most:
        raise DocumentRefusedError(
            [Fault("", "count", f"debe traer de 1 a {most} campañas", f"must hold 1 to {most} campaigns")]
        )
    drafts = []
    for index, entry in enumerate(entries):
        if entry.fault is not None:
            faults.append(_placed(entry.fault, index, entry.line))
            continue
        try:
            drafts.append(read(entry.document))
        except DocumentRefusedError as refused:
            faults += [_placed(fault, index, entry.line) for fault in refused.faults]
    if faults:
        raise DocumentRefusedError(faults)
    return drafts


def _table(octets: bytes) -> list[Entry]:
    try:
        rows = read_table(octets.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ProblemError("bad_request", es="no es UTF-8", en="it is no UTF-8") from None
    except TableError as error:
        raise DocumentRefusedError(error.faults) from None
    return [Entry(row.line, row.document, row.fault) for row in rows]


def _documents(octets: bytes) -> tuple[list[Entry], list[Fault]]:
    """Return the campaigns of a JSON or YAML file, and what is wrong with its keys."""
    try:
        document = parse(octets)
    except UnreadableError as error:
        raise ProblemError(
            "bad_request",
            es=f"renglón {error.line}: {error.reason.es}",
            en=f"line {error.line}: {error.reason.en}",
        ) from None
    faults = [
        Fault("", "bad_file", f"renglón {line}: {why.es}", f"line {line}: {why.en}")
        for line, why in document.faults
    ]
    value = document.value
    listed = value if isinstance(value, list) else [] if value is None else [value]
    prefix = isinstance(value, list)
    return [Entry(document.line(f"/{at}" if prefix else ""), each) for at, each in enumerate(listed)], faults


def _placed(fault: Fault, index: int, line: int) -> Fault:
    return Fault(
        f"/{index}{fault.pointer}", fault.code, f"renglón {line}: {fault.es}", f"line {line}: {fault.en}"
    )
