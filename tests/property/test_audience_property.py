"""No interleaving of what is recorded, told, rebuilt and asked yields an ad to somebody it must not reach."""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from adapters.files.register_map import map_register
from adapters.files.register_writer import RegisterWriter
from engine.audience import Consent, QuietHours, Suppression
from engine.reasons import Reason
from engine.register_file import Scopes, profiles_at, sets_of
from engine.subject import Register, Subject
from segments.seal import Seal
from tests.examples import tried

SEAL = Seal(b"k" * 32)
NUMBERS = tuple(range(5_501_230_000, 5_501_230_006))
SCOPES = ("suppression", "all", "category:retail", "brand:sol")
SUBSCRIBERS = st.sampled_from(NUMBERS)
ACTS = st.one_of(
    st.tuples(st.just("record"), SUBSCRIBERS, st.sampled_from(SCOPES), st.booleans()),
    st.tuples(st.just("tell"), st.integers(0, 1)),
    st.tuples(st.just("rebuild"), st.integers(0, 1)),
    st.tuples(st.just("clock"), st.integers(0, 1439)),
    st.tuples(st.just("ask"), st.integers(0, 1), SUBSCRIBERS),
)


@dataclass
class Truth:
    """What was recorded, in order: by number and scope the newest word, and when each number last changed."""

    words: dict[tuple[int, str], bool] = field(default_factory=dict)
    changed: dict[int, int] = field(default_factory=dict)
    version: int = 0

    def record(self, number: int, scope: str, allowed: bool) -> None:
        """Add a record."""
        self.version += 1
        self.words[number, scope] = allowed
        self.changed[number] = self.version

    def suppressed(self, number: int) -> bool:
        """Tell whether a number is suppressed."""
        return self.words.get((number, "suppression")) is False

    def scopes(self, number: int) -> Scopes:
        """Return what a number consented to and withdrew from."""
        said = {scope: self.words[number, scope] for scope in SCOPES[1:] if (number, scope) in self.words}
        return tuple(s for s, yes in said.items() if yes), tuple(s for s, yes in said.items() if not yes)

    def allows(self, number: int, *, opt_in: bool) -> bool:
        """Tell whether an ad of retail by sol may go out, as docs/audience.md says."""
        yes, no = self.scopes(number)
        return not self.suppressed(number) and not no and (bool(yes) or not opt_in)


class Told:
    """One worker, told as control tells it; `heard` is the truth's version that it acts on."""

    def __init__(self, *, opt_in: bool) -> None:
        self.register = Register(SEAL, opt_in=opt_in)
        self.subject = Subject(self.register)
        self.quiet = QuietHours(21 * 60, 9 * 60, (0,))
        self.rules = (Consent(self.register, self.subject), Suppression(self.register), self.quiet)
        self.heard = 0
        self.file = 0

    def tell(self, truth: Truth, *, since: int, replaces: bool = False) -> None:
        """Tell what changed after a version."""
        self.register.change(
            {
                SEAL.of(number): (truth.suppressed(number), truth.scopes(number))
                for number, version in truth.changed.items()
                if version > since
            },
            replaces=replaces,
        )
        self.heard = truth.version

    def ask(self, number: int) -> Reason | None:
        """Return why a campaign of retail by sol may not reach a number, None when it may."""
        for rule in self.rules:
            refused = rule.refuses(number, 0)
            if refused is not None:
                return refused
        choice = self.subject.choice
        allowed = choice is None or choice.allows("category:retail", "brand:sol")
        return None if allowed else Reason.NO_CONSENT


def rebuild(told: Told, truth: Truth, folder: Path) -> None:
    """Let a worker read a new file, in control's order: what is new first, the file, what is younger."""
    with RegisterWriter(folder) as writer:
        own = [SEAL.of(number) for number in NUMBERS if truth.suppressed(number)]
        writer.suppress(np.array(own, dtype=np.uint64))
        chosen = {SEAL.of(number): truth.scopes(number) for number in NUMBERS if any(truth.scopes(number))}
        writer.choose(chosen)
        path, _ = writer.finish(truth.version, 0, SEAL.check)
    mapped, contents = map_register(path)
    told.tell(truth, since=told.heard)
    told.register.take(mapped, *sets_of(mapped, contents), profiles_at(contents), contents.profiles)
    told.file = contents.version
    told.tell(truth, since=told.file, replaces=True)


@tried(15)
@given(st.booleans(), st.lists(ACTS, min_size=5, max_size=40))
def test_nobody_is_reached_against_what_was_told(opt_in: bool, acts: list[tuple[Any, ...]]) -> None:
    """Two workers, told at other times: each refuses by all that it was told, and by its clock, always."""
    truth = Truth()
    known = [Truth(), Truth()]
    workers = [Told(opt_in=opt_in), Told(opt_in=opt_in)]
    minute = 12 * 60
    with tempfile.TemporaryDirectory() as name:
        for worker in workers:
            worker.quiet.at((minute,))
        for act, *what in acts:
            if act == "record":
                truth.record(*what)
            elif act == "clock":
                minute = what[0]
                for worker in workers:
                    worker.quiet.at((minute,))
            elif act in {"tell", "rebuild"}:
                worker = workers[what[0]]
                if act == "tell":
                    worker.tell(truth, since=worker.heard)
                else:
                    rebuild(worker, truth, Path(name))
                known[what[0]] = Truth(dict(truth.words), dict(truth.changed), truth.version)
            else:
                at, number = what
                is_quiet = not 9 * 60 <= minute < 21 * 60
                may = known[at].allows(number, opt_in=opt_in) and not is_quiet
                assert (workers[at].ask(number) is None) is may


def test_the_first_that_refuses_is_told() -> None:
    """Withdrawn, suppressed and quiet at once: consent comes first, then suppression, then the clock."""
    told = Told(opt_in=False)
    told.quiet.at((0,))
    number = NUMBERS[0]
    assert told.ask(number) is Reason.QUIET_HOURS
    told.register.change({SEAL.of(number): (True, ((), ()))}, replaces=False)
    assert told.ask(number) is Reason.SUPPRESSED
    told.register.change({SEAL.of(number): (True, ((), ("all",)))}, replaces=False)
    assert told.ask(number) is Reason.NO_CONSENT
