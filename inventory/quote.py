"""A quote: everything that is said to somebody who asks how many can be bought."""

from collections.abc import Sequence
from dataclasses import dataclass

from inventory.advice import Advice, advise
from inventory.availability import Availability, Contention
from inventory.booking import Booking
from inventory.market import Market


@dataclass(frozen=True, slots=True)
class Quote:
    """What was asked for, the answer, what stands in the way, and advice where it falls short."""

    wish: Booking
    answer: Availability
    contention: Contention
    advice: Sequence[Advice]

    @property
    def enough(self) -> bool:
        """Tell whether there is as much as is wanted, and anything at all."""
        return self.answer.available >= max(1, self.wish.wanted)


def quote(market: Market, wish: Booking, *, advised: bool = True) -> Quote:
    """Ask a market; advice takes many times as long as the rest and is left out unless `advised`."""
    answer = market.ask(wish)
    if answer.reason is not None:
        return Quote(wish, answer, Contention(wish.wanted), [])
    short = advised and answer.available < wish.wanted
    advice = advise(market, wish, answer, market.states_of(wish.target)) if short else []
    return Quote(wish, answer, market.explain(wish), advice)
