"""What the harm breaker says of a text, in the form in which a worker tells control."""

from dataclasses import dataclass


# Not in the breaker, which may be compiled: messages are read into this class, and a native one lets nobody.
@dataclass(frozen=True, slots=True)
class Verdict:
    """A version that does harm, with the answers that say so."""

    campaign: int
    creative_version: int
    answered: int
    refused: int
    bare: int
    bare_refused: int
