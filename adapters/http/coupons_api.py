"""`engagements/{id}/coupons`: the codes that an engagement gives out, each once."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from adapters.http.operations import Answer, Call, NoQuery, Operation, Shape
from adapters.http.problems import ProblemError
from adapters.http.services import Services
from adapters.postgres.coupons import CouponStock, KnownCodesError, NoCouponsError, PostgresCoupons
from adapters.postgres.identity import MissingError
from engine.access import Role
from inventory.coupons import MOST_FAULTS, read_codes
from inventory.faults import Fault

KEEPERS = frozenset({Role.ADVERTISER, Role.OPS})
WATCHERS = frozenset({Role.ADVERTISER, Role.BRAND_MANAGER, Role.APPROVER, Role.OPS})
MAX_OCTETS = 4 * 1024 * 1024


class CouponStockShape(Shape):
    """The stock of codes; `waiting` leads get one when more are uploaded."""

    uploaded: int
    given: int
    left: int
    waiting: int


def coupons_operations(services: Services) -> Sequence[Operation]:
    """Return the operations."""

    async def add(call: Call[NoQuery, bytes]) -> Answer:
        coupons = PostgresCoupons(services.pool)
        with _told():
            await coupons.stock(call.path["id"], call.principal)  # what isn't theirs does not exist
            codes = await asyncio.to_thread(_codes, call.body)
            stock = await coupons.add(call.path["id"], codes, principal=call.principal, at=services.now())
        return Answer(_document(stock), 201)

    async def stock(call: Call[NoQuery, None]) -> Answer:
        with _told():
            return Answer(
                _document(await PostgresCoupons(services.pool).stock(call.path["id"], call.principal))
            )

    return [
        Operation("POST", "/engagements/{id}/coupons", "add_coupons",
                  "Add codes to what an engagement gives out: one a line, each is given to one caller.",
                  "engagements", add, roles=KEEPERS, raw_body=True, body_types=("text/csv", "text/plain"),
                  answer=CouponStockShape, status=201, problems=("conflict", "not_found"),
                  max_octets=MAX_OCTETS, rate="60/minute"),
        Operation("GET", "/engagements/{id}/coupons", "read_coupons",
                  "Tell how many codes are left, and how many leads wait for one.", "engagements",
                  stock, roles=WATCHERS, answer=CouponStockShape, problems=("conflict", "not_found")),
    ]  # fmt: skip


def _codes(octets: bytes) -> Sequence[str]:
    try:
        text = octets.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ProblemError("bad_request", es="no es UTF-8", en="it is no UTF-8") from None
    codes, faults = read_codes(text)
    if faults:
        raise ProblemError("invalid", faults=faults)
    return codes


@contextmanager
def _told() -> Iterator[None]:
    """Tell the caller what the database refused."""
    try:
        yield
    except MissingError:
        raise ProblemError("not_found") from None
    except NoCouponsError:
        raise ProblemError(
            "conflict", es="esta dinámica no entrega cupones", en="this engagement gives out no coupons"
        ) from None
    except KnownCodesError as known:
        faults = [
            Fault("", "known", f"{code} ya está en la lista", f"{code} is in the list already")
            for code in known.codes[:MOST_FAULTS]
        ]
        raise ProblemError("conflict", faults=faults) from None


def _document(stock: CouponStock) -> dict[str, int]:
    return {
        "uploaded": stock.uploaded, "given": stock.given, "left": stock.left, "waiting": stock.waiting,
    }  # fmt: skip
