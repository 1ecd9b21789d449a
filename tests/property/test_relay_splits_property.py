"""However TCP cuts the two streams, the same leaves and the same is journalled."""

from dataclasses import dataclass
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from engine.journal import Kind
from tests.examples import tried
from tests.smpp_cases.pdus import GENERIC_NACK, answer, bind, bind_answer, cut
from tests.smpp_cases.strategies import cuts, others, pdus
from tests.smpp_cases.world import CREATIVE, World, make_world

sequences = st.integers(1, 12)
answers = st.builds(answer, sequences, st.sampled_from([0, 0, 1, 0x45, 8, 0x58, 0x400])) | st.builds(
    answer, sequences, st.just(3), st.just(GENERIC_NACK)
)


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side says before the other is heard again, and where it is cut."""

    platform: bool
    stream: bytes
    lengths: list[int]


turns = st.one_of(
    st.builds(Turn, st.just(True), st.lists(pdus, max_size=4).map(b"".join), cuts),
    st.builds(Turn, st.just(False), st.lists(answers | others, max_size=4).map(b"".join), cuts),
)


def play(script: list[Turn], *, split: bool) -> World:
    """Run a script through a session, whole or in pieces."""
    world = make_world(texts=(CREATIVE, "Corto 5512345678"), random=Random(1).random)
    opening = [Turn(True, bind(), [5, 11]), Turn(False, bind_answer(), [1, 3])]
    for turn in opening + script:
        feed = world.from_platform if turn.platform else world.from_smsc
        for piece in cut(turn.stream, turn.lengths) if split else [turn.stream]:
            feed(piece)
            world.assert_balanced()
    return world


def history(world: World) -> tuple[list[object], list[object], object]:
    """Return the journal's insertions and outcomes in order, and its sums."""
    entries = world.journal.entries
    return (
        [entry for entry in entries if entry.kind == Kind.INSERTED],
        [entry for entry in entries if Kind.INSERTED < entry.kind < Kind.NOTIFICATIONS],
        world.books,
    )


@tried(25)
@given(st.lists(turns, max_size=6))
def test_any_split_gives_the_same_octets_and_the_same_journal(script: list[Turn]) -> None:
    """Reads may end anywhere: output on both legs, insertions, outcomes and tallies stay the same."""
    whole = play(script, split=False)
    pieces = play(script, split=True)
    assert pieces.to_smsc == whole.to_smsc
    assert pieces.to_platform == whole.to_platform
    assert history(pieces) == history(whole)


@tried(25)
@given(st.lists(turns, max_size=6))
def test_when_the_link_is_lost_nothing_stays_open(script: list[Turn]) -> None:
    """The pending table empties and every insertion has exactly one outcome."""
    world = play(script, split=True)
    world.close()
    books = world.assert_balanced()
    assert not world.session._open.pending
    assert not world.session._open.late
    assert books.inserted == sum(map(books.outcome, (Kind.ACCEPTED, Kind.REJECTED, Kind.UNKNOWN)))
    ended = [entry.number for entry in history(world)[1]]  # type: ignore[attr-defined]
    assert len(ended) == len(set(ended))
