"""The target picker: the 32 states as tiles, everything else by search."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from adapters.http.blackouts_api import KEEPERS
from adapters.http.console.desk import Desk
from adapters.http.console.pages import Pages
from adapters.http.console.visit import Visit
from engine.access import Role
from segments.geography import Geography, UnknownNameError

# Row and column of each state on a grid about the shape of the country.
_MAP = (
    "BCN SON CHH COA NLE . . . . .",
    "BCS SIN DUR ZAC SLP TAM . . . .",
    ". NAY JAL AGU GUA QUE HID . . .",
    ". . COL MIC MEX CMX TLA VER . YUC",
    ". . . GRO MOR PUE OAX TAB CAM ROO",
    ". . . . . . . CHP . .",
)
TILES = {
    f"MX-{code}": (row, column)
    for row, line in enumerate(_MAP, start=1)
    for column, code in enumerate(line.split(), start=1)
    if code != "."
}
KINDS = {"city": "list_cities", "lada": "list_ladas", "municipality": "list_municipalities"}
OF_EACH = 6


@dataclass(frozen=True, slots=True)
class Place:
    """A place as a target writes it ("city:Guadalajara, MX-JAL") and as people read it."""

    value: str
    name: str
    kind: str


def places_pages(app: web.Application, pages: Pages, desk: Desk) -> None:
    """Add the search."""

    async def search(visit: Visit) -> web.StreamResponse:
        wanted = visit.request.query.get("q", "").strip()[:100]
        found = []
        for kind, operation in KINDS.items() if wanted else ():
            items = (await desk.ask(visit, operation, query={"q": wanted, "limit": OF_EACH}))["items"]
            found += [Place(f"{kind}:{each['code']}", _name(kind, each), kind) for each in items]
        return visit.page("places.html", found=found, wanted=wanted)

    app.router.add_get("/places", pages.inside(search, frozenset({Role.ADVERTISER, *KEEPERS})))


def _name(kind: str, item: dict[str, str]) -> str:
    name = f"{item['name']}, {str(item['state']).removeprefix('MX-')}"
    return f"{item['code']} · {name}" if kind == "lada" else name


def named(written: str, geography: Geography) -> Place:
    """Return a place by what a target writes; a name that nobody has stays as it was written."""
    kind, _, value = written.partition(":")
    try:
        if kind == "state":
            return Place(written, geography.find_state(value).name, kind)
        if kind == "lada":
            return Place(written, f"{value} · {geography.find_lada(value).city}", kind)
        if kind == "municipality":
            found = geography.find_municipality(value)
            return Place(written, f"{found.name}, {found.state.removeprefix('MX-')}", kind)
    except UnknownNameError:
        return Place(written, value, kind)
    return Place(written, value.replace(", MX-", ", "), kind)


def place_names(geography: Geography) -> Callable[..., str]:
    """Return what names the places of one side of a target."""

    def names(target: Mapping[str, Any], side: str = "include") -> str:
        places = (each for each in target[side] for each in each.items())
        return "; ".join(named(f"{kind}:{value}", geography).name for kind, value in places)

    return names
