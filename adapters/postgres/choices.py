"""What subscribers chose, with proof: suppressed or not, consent given or withdrawn; the newest holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from adapters.postgres.audit import write_audit
from adapters.postgres.pool import Connection
from segments.masked import masked
from segments.seal import Seal

SUPPRESSION = "suppression"
"""The scope of a suppression: no ads at all, whatever was consented to."""

ALL = "all"
"""The scope of a consent to ads of every category and brand."""

_RAISE = "UPDATE register SET version = version + 1 RETURNING version"

_FORMER = """
SELECT DISTINCT ON (number) number, allowed, source, wording FROM subscriber_choices
WHERE number = ANY($1) AND scope = $2 ORDER BY number, scope, id DESC
"""

_ADD = """
INSERT INTO subscriber_choices (version, number, scope, allowed, source, wording, by, at)
SELECT $1, number, $3, $4, $5, $6, $7, $8 FROM unnest($2::bigint[]) number
RETURNING id
"""

# How an action is called in the audit log, by suppression or not, by allowed or not.
_ACTIONS = {
    (True, False): "suppress",
    (True, True): "lift",
    (False, True): "consent",
    (False, False): "withdraw",
}


def scope_of(*, category: str | None = None, brand: str | None = None) -> str:
    """Return the scope of a category, of a brand, or of all ads."""
    if brand is not None:
        return f"brand:{brand}"
    return ALL if category is None else f"category:{category}"


@dataclass(frozen=True, slots=True)
class Word:
    """What a subscriber said: by which `source` (`missed_call`, `sms`, `http`, …), to which wording, when.

    `by` is who recorded it, as the audit log shows it.
    """

    source: str
    wording: str
    at: datetime
    by: str = "subscriber"


class Choices:
    """Writes choices within the caller's transaction; numbers are ten digits and are stored sealed.

    Writers wait for each other, so end the transaction soon. Each method returns whether it changed what
    holds for the number: a confirmation is due then, and only then. What says nothing new is not recorded.
    """

    def __init__(self, seal: Seal) -> None:
        self._seal = seal

    async def suppress(self, connection: Connection, number: int, word: Word) -> bool:
        """No more ads to a subscriber."""
        return bool(await self.record(connection, [number], SUPPRESSION, word, allowed=False))

    async def lift(self, connection: Connection, number: int, word: Word) -> bool:
        """Take back what `suppress` said; imported lists go on to apply."""
        return bool(await self.record(connection, [number], SUPPRESSION, word, allowed=True))

    async def consent(self, connection: Connection, number: int, word: Word, scope: str = ALL) -> bool:
        """Record the consent to a scope (`scope_of`)."""
        return bool(await self.record(connection, [number], scope, word, allowed=True))

    async def withdraw(self, connection: Connection, number: int, word: Word, scope: str = ALL) -> bool:
        """Record that consent to a scope is withdrawn; also where none was given."""
        return bool(await self.record(connection, [number], scope, word, allowed=False))

    async def record(
        self, connection: Connection, numbers: Sequence[int], scope: str, word: Word, *, allowed: bool
    ) -> Sequence[int]:
        """Record the same for several numbers, with one audit row; return those for which it is a change."""
        by_sealed = {self._seal.of(number): number for number in numbers}
        version = await connection.fetchval(_RAISE)  # the row's lock: from here on one after another
        former = {row["number"]: row for row in await connection.fetch(_FORMER, list(by_sealed), scope)}
        said = (allowed, word.source, word.wording)
        new = [
            sealed
            for sealed in by_sealed
            if sealed not in former or tuple(former[sealed][name] for name in _SAID) != said
        ]
        if scope == SUPPRESSION and allowed:
            new = [sealed for sealed in new if sealed in former]
        if not new:
            return []
        rows = await connection.fetch(
            _ADD, version, new, scope, allowed, word.source, word.wording, word.by, word.at
        )
        changed = [
            by_sealed[sealed]
            for sealed in new
            if sealed not in former or former[sealed]["allowed"] is not allowed
        ]
        after = {"scope": scope, "source": word.source, "record": rows[0]["id"], "numbers": len(new)}
        subject = masked(by_sealed[new[0]]) if len(new) == 1 else f"{len(new)} subscribers"
        action = _ACTIONS[scope == SUPPRESSION, allowed]
        await write_audit(connection, word.by, action, "subscriber", subject, None, after, word.at)
        return changed


_SAID = ("allowed", "source", "wording")
