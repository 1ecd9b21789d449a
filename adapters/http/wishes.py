"""What availability and holds are asked for, read by the rules of campaigns: every fault at once."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import ValidationError

from adapters.http.availability_shapes import WishIn
from engine.composition import septets_of
from inventory.booking import Booking
from inventory.document import DocumentRefusedError, Standards, read_campaign
from inventory.draft import CampaignDraft
from inventory.faults import Fault, shape_faults
from inventory.thinning import usable_share

WishT = TypeVar("WishT", bound=WishIn)

# What a campaign calls the fields of a wish.
_NAMES = {"starts_at": "from", "ends_at": "to", "creatives": "texts"}
_SAME = ("name", "class", "target", "hours", "quantity", "frequency_caps", "spacing_minutes")
# What a wish does not say; it plays no part.
_GIVEN: Mapping[str, Any] = {"name": "availability", "brand": "availability", "quantity": 1}
_ANY_TEXT = "Buen Fin"
_EITHER = Fault(
    "/length", "texts_or_length", "dé textos o largo, no ambos", "give texts or a length, not both"
)


def read_wish(document: Any, shape: type[WishT], standards: Standards) -> tuple[WishT, Booking]:
    """Return a wish, and the booking it asks for (of quantity 0 where none is wanted).

    Raises `DocumentRefusedError` with every fault.
    """
    fields = document if isinstance(document, Mapping) else {}
    faults: list[Fault] = []
    wish = draft = None
    try:
        wish = shape.model_validate(document)
    except ValidationError as error:
        faults += shape_faults(error, shape)
    try:
        draft = read_campaign(_campaign(fields), standards)
    except DocumentRefusedError as refused:
        said = {fault.pointer for fault in faults}
        renamed = [_renamed(fault) for fault in refused.faults]
        faults += [
            fault
            for fault in renamed
            if fault.pointer not in said and (fields.get("texts") or not fault.pointer.startswith("/texts"))
        ]
    if fields.get("texts") is not None and fields.get("length") is not None:
        faults.append(_EITHER)
    if wish is None or draft is None or faults:
        raise DocumentRefusedError(faults)
    return wish, _booking(wish, draft, fields.get("quantity") or 0)


def _campaign(fields: Mapping[str, Any]) -> dict[str, Any]:
    texts = fields.get("texts")
    return {
        **_GIVEN,
        **{name: fields[name] for name in _SAME if fields.get(name) is not None},
        **{name: fields[ours] for name, ours in _NAMES.items() if ours in fields and ours != "texts"},
        "creatives": [{"text": each} for each in _list(texts) or [_ANY_TEXT]],
    }


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _renamed(fault: Fault) -> Fault:
    name, slash, rest = fault.pointer.removeprefix("/").partition("/")
    rest = rest.removesuffix("/text") if name == "creatives" else rest
    return replace(fault, pointer=f"/{_NAMES.get(name, name)}{slash}{rest}")


def _booking(wish: WishIn, draft: CampaignDraft, quantity: int) -> Booking:
    size = wish.length or 0
    if wish.texts is not None:
        size = min(septets_of(text) for text in wish.texts)
    return Booking(
        "",
        draft.name,
        draft.campaign_class,
        draft.target,
        draft.starts_at.timestamp(),
        draft.ends_at.timestamp(),
        draft.hours,
        size,
        quantity,
        usable=usable_share(
            draft.frequency_caps, draft.spacing_minutes, (draft.ends_at - draft.starts_at).total_seconds()
        ),
        category=wish.category,
    )
