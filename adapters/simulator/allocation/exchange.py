"""The files of a simulation judged from outside: book, forecast, arrivals, decisions (docs/simulation.md)."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from adapters.files.rule_sets import default_rules
from adapters.simulator.allocation.booked import Booked
from adapters.simulator.allocation.country import Country
from adapters.simulator.allocation.traffic import MINUTE_S, Arrivals, Minute
from inventory.campaign import Campaign, CreativeVersion
from inventory.document import DocumentRefusedError, Standards, read_campaign
from inventory.plan import MAX_ROOM, ROOM_CLASS_OF, ROOM_CLASSES
from inventory.supply import HOUR_S, Supply
from segments.places import place_code

FORECAST_COLUMNS = ["hour", "lada", "municipality", "room", "count"]

_READ = ("class", "target", "starts_at", "ends_at", "hours", "quantity", "pacing")
_ANY_TEXT = "Compra hoy"


class ExchangeError(Exception):
    """A file that can't be used; the message says which, where and why."""


def read_book(path: Path, country: Country) -> list[Booked]:
    """Read a JSON list of campaigns (DESIGN §9) with `id`, and perhaps `at` and `cancel_at`.

    Raises `ExchangeError`.
    """
    try:
        documents = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ExchangeError(f"{path}: {error}") from None
    if not isinstance(documents, list) or not all(isinstance(each, dict) for each in documents):
        raise ExchangeError(f"{path}: must be a JSON list of campaigns")
    book = [_booked(path, number, each, country) for number, each in enumerate(documents, start=1)]
    names = [each.campaign.id for each in book]
    if len(set(names)) < len(names):
        raise ExchangeError(f"{path}: two campaigns have the same id")
    return book


def _booked(path: Path, number: int, document: Mapping[str, Any], country: Country) -> Booked:
    name = str(document.get("id", number))
    pauses = document.get("pauses") or []
    at, cancelled = document.get("at"), document.get("cancel_at")
    try:
        campaign = _campaign(number, name, document, country)
        return Booked(
            campaign,
            float("-inf") if at is None else _instant(at),
            None if cancelled is None else _instant(cancelled),
            tuple((_instant(each["from"]), _instant(each["to"])) for each in pauses),
        )
    except DocumentRefusedError as refused:
        faults = "; ".join(f"{fault.pointer} {fault.en}" for fault in refused.faults)
        raise ExchangeError(f"{path}: campaign {name}: {faults}") from None
    except (KeyError, TypeError, ValueError) as error:
        raise ExchangeError(f"{path}: campaign {name}: {error!r}") from None


def _campaign(number: int, name: str, document: Mapping[str, Any], country: Country) -> Campaign:
    """Return a campaign; its texts count by their length alone, and what no simulation uses is not read."""
    fields = {"name": name, "brand": "book", **{key: document[key] for key in _READ if key in document}}
    texts = [creative["text"] for creative in document["creatives"]]
    fields["creatives"] = [
        {"text": _ANY_TEXT, "weight": creative.get("weight", 1)} for creative in document["creatives"]
    ]
    standards = Standards(default_rules(), country.geography, datetime.min.replace(tzinfo=UTC))
    draft = read_campaign(fields, standards)
    creatives = tuple(
        CreativeVersion(index, text, creative.weight)
        for index, (text, creative) in enumerate(zip(texts, draft.creatives, strict=True), start=1)
    )
    return Campaign(
        number,
        name,
        draft.name,
        draft.brand,
        draft.category,
        draft.campaign_class,
        creatives,
        draft.target,
        draft.starts_at,
        draft.ends_at,
        draft.quantity,
        draft.hours,
        draft.pacing,
    )


def _instant(text: str) -> float:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"{text} carries no offset")
    return instant.timestamp()


def read_forecast(path: Path, country: Country) -> Supply:
    """Read `hour,lada,municipality,room,count` rows. Raises `ExchangeError`."""
    rows: list[tuple[int, int, int, float]] = []
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            reader = csv.reader(stream)
            if next(reader, []) != FORECAST_COLUMNS:
                raise ExchangeError(f"{path}:1: the first line must be {','.join(FORECAST_COLUMNS)}")
            for hour, lada, municipality, room, count in reader:
                place = _place(country, municipality, lada)
                room_class = ROOM_CLASS_OF[min(max(0, int(room)), MAX_ROOM)]
                rows.append((int(_instant(hour) // HOUR_S), place, room_class, float(count)))
    except OSError as error:
        raise ExchangeError(f"{path}: {error.strerror}") from None
    except (ValueError, KeyError) as error:
        raise ExchangeError(f"{path}:{len(rows) + 2}: {error}") from None
    if not rows:
        raise ExchangeError(f"{path}: holds no forecast")
    hours, places, classes, counts = (np.array(column) for column in zip(*rows, strict=True))
    first = int(hours.min())
    by_hour = np.zeros((int(hours.max()) - first + 1, len(country.numbering.places)))
    np.add.at(by_hour, (hours - first, places), counts)
    mix = np.full((by_hour.shape[1], ROOM_CLASSES), 1e-9)
    np.add.at(mix, (places, classes), counts)
    return Supply(first, by_hour, mix / mix.sum(axis=1, keepdims=True))


def _place(country: Country, municipality: str, lada: str) -> int:
    """Return the place of a pair; one that no number range has counts as decided by its LADA."""
    index = country.numbering.index_by_code
    found = index.get(place_code(municipality or None, lada))
    if found is None:
        found = index.get(place_code(None, lada))
    if found is None:
        raise ValueError(f"no LADA {lada!r}")
    return found


def read_minutes(stream: Iterable[str], country: Country) -> Iterator[Minute]:
    """Read blocks: `# instant`, a line `lada,municipality,room` per notification, an empty line.

    Yields a block as soon as its empty line has come. Raises `ExchangeError`.
    """
    known: dict[tuple[str, str], int] = {}
    at: float | None = None
    places: list[int] = []
    rooms: list[int] = []
    for number, raw in enumerate(stream, start=1):
        line = raw.strip()
        try:
            if line.startswith("#"):
                at = _instant(line[1:].strip())
            elif line:
                lada, municipality, room = line.split(",")
                key = municipality, lada
                if key not in known:
                    known[key] = _place(country, *key)
                places.append(known[key])
                rooms.append(int(room))
            elif at is not None:
                yield Minute(at, np.array(places, dtype=np.int32), np.array(rooms, dtype=np.int32))
                at, places, rooms = None, [], []
        except ValueError as error:
            raise ExchangeError(f"arrivals:{number}: {error}") from None
    if at is not None:  # the last block may end with the stream
        yield Minute(at, np.array(places, dtype=np.int32), np.array(rooms, dtype=np.int32))


def gather(minutes: Sequence[Minute]) -> Arrivals:
    """Return the minutes that came as one value. Raises `ExchangeError` when there are none."""
    if not minutes:
        raise ExchangeError("arrivals: no minute came")
    first = minutes[0].at
    index = [round((each.at - first) / MINUTE_S) for each in minutes]
    if any(later <= earlier for earlier, later in pairwise(index)):
        raise ExchangeError("arrivals: minutes must come in order, each once")
    counts = [len(each.places) for each in minutes]
    return Arrivals(
        first,
        index[-1] + 1,
        np.repeat(np.array(index, dtype=np.int32), counts),
        np.concatenate([each.places for each in minutes]),
        np.concatenate([each.rooms for each in minutes]),
    )


def write_decisions(stream: TextIO, book: Sequence[Booked], chosen: Sequence[int]) -> None:
    """Write a minute's decisions: an id or `-` a line, then an empty line; flushed."""
    lines = [book[each].campaign.id if each >= 0 else "-" for each in chosen]
    stream.write("\n".join([*lines, "", ""]))
    stream.flush()
