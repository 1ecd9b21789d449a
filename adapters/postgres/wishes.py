"""What subscribers asked for by a word: suppressed at once, confirmed where it changed something, helped."""

from collections.abc import Iterable
from datetime import datetime

from adapters.postgres.answers_out import note_wishes
from adapters.postgres.choices import Choices, Word
from adapters.postgres.pool import Connection
from inventory.keywords import Wish, Wished
from segments.seal import Seal

SOURCE = "sms"


async def take_wishes(connection: Connection, seal: Seal, wishes: Iterable[Wished], now: datetime) -> None:
    """Take over what was asked for, and owe the notices, in the caller's transaction."""
    choices = Choices(seal)
    owed = [
        (seal.of(each.subscriber), each.wish.value)
        for each in wishes
        if each.wish is Wish.HELP
        or await choices.suppress(connection, each.subscriber, Word(SOURCE, each.wording, each.at))
    ]
    if owed:
        await note_wishes(connection, owed, now)
