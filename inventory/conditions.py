"""What must hold, besides state and role, for an action of the workflow; the refusal where it does not."""

from collections.abc import Collection, Mapping
from enum import StrEnum

from inventory.campaign import CampaignState, Review


class Condition(StrEnum):
    """What must hold besides state and role."""

    COMPLETE = "complete"
    NO_REJECTED_TEXT = "no_rejected_text"
    IN_TIME = "in_time"
    FOUR_EYES = "four_eyes"
    OTHER_EYES = "other_eyes"
    TEXT = "text"
    AVAILABLE = "available"
    NUMBER = "number"
    REASON = "reason"
    SAME_HAND = "same_hand"
    CHANGE_RULES = "change_rules"


SENTENCES: dict[Condition, tuple[str, str]] = {
    Condition.COMPLETE: (
        "la campaña debe estar completa y sin faltas",
        "it must be complete and without faults",
    ),
    Condition.NO_REJECTED_TEXT: (
        "ningún texto puede ser uno que ya fue rechazado o retirado: cámbielo",
        "no text may be one that was rejected or taken down: change it",
    ),
    Condition.IN_TIME: (
        "el plazo previo desde ahora termina cuando la campaña ya acabó: mueva ends_at",
        "the lead time from now ends after the campaign does: move ends_at",
    ),
    Condition.FOUR_EYES: (
        "nadie decide sobre lo que creó, editó o envió",
        "nobody decides on what they created, edited or submitted",
    ),
    Condition.OTHER_EYES: (
        "la segunda aprobación la da otra persona que la primera",
        "the second approval is somebody else's than the first",
    ),
    Condition.TEXT: ("al menos un texto debe poder servirse", "at least one text must be allowed to serve"),
    Condition.AVAILABLE: (
        "la cantidad debe caber junto a lo ya vendido",
        "the quantity must fit beside what was sold",
    ),
    Condition.NUMBER: (
        "su número de respuesta debe estar libre en sus fechas",
        "its response number must be free for its flight",
    ),
    Condition.REASON: ("hace falta un motivo", "a reason is needed"),
    Condition.SAME_HAND: (
        "lo que el operador detuvo solo el operador lo reanuda",
        "what the carrier paused only the carrier resumes",
    ),
    Condition.CHANGE_RULES: ("las reglas de cambio", "the change rules below"),
}
"""A sentence for each, in Spanish and English."""


IN_SPANISH: Mapping[str, str] = {
    CampaignState.DRAFT: "en borrador",
    CampaignState.SUBMITTED: "en revisión",
    CampaignState.REJECTED: "rechazada",
    CampaignState.APPROVED: "aprobada",
    CampaignState.LIVE: "al aire",
    CampaignState.PAUSED: "en pausa",
    CampaignState.FINISHED: "terminada",
}
"""How a campaign stands, to follow "está"."""

TEXT_IN_SPANISH: Mapping[str, str] = {
    Review.PENDING: "por revisar",
    Review.APPROVED: "aprobado",
    Review.REJECTED: "rechazado",
    Review.TAKEN_DOWN: "retirado",
}
"""The same of a text."""


class RefusedError(Exception):
    """The action is not possible now; `codes` says why, by condition, or `state`."""

    def __init__(self, codes: tuple[str, ...], es: str, en: str) -> None:
        super().__init__(en)
        self.codes = codes
        self.es = es
        self.en = en


def refusal(*broken: Condition) -> RefusedError:
    """Return what to raise when conditions do not hold."""
    es, en = ("; ".join(SENTENCES[each][language] for each in broken) for language in (0, 1))
    return RefusedError(tuple(broken), es, en)


def misplaced(
    what: tuple[str, str], words: Mapping[str, str], state: str, sources: Collection[str]
) -> RefusedError:
    """Return what to raise for an action that does not go from a state; `what` is it, in each language."""
    es = ", ".join(words[each] for each in sorted(sources))
    en = ", ".join(sorted(sources))
    return RefusedError(
        ("state",),
        f"{what[0]} está {words[state]}; esto solo se hace cuando está: {es}",
        f"{what[1]} is {state}; this goes from: {en}",
    )
