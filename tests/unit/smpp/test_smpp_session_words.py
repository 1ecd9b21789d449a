"""Words to the short code on a relayed session: noted as they pass, and they pass whatever comes."""

import pytest

from adapters.simulator.handset_message import HandsetMessage
from adapters.smpp.route_words import RouteWords
from tests.smpp_cases.world import World, make_world

OUT, HELP = 1, 5


def listening(fault: Exception | None = None) -> tuple[World, list[tuple[int, int]], list[Exception]]:
    """Return a bound session with an ear, what it noted and what it alarmed; `fault` is met by each note."""
    noted: list[tuple[int, int]] = []
    alarms: list[Exception] = []

    def note(word: int, subscriber: int) -> None:
        if fault is not None:
            raise fault
        noted.append((word, subscriber))

    return make_world(words=RouteWords("5050", note, alarms.append)).bound(), noted, alarms


def written(text: str, destination: str = "5050", source: str = "525501234567") -> bytes:
    """Return what the SMSC delivers when a handset writes."""
    return HandsetMessage(source, destination, text).octets(7)


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_a_word_is_noted_once_and_passes_as_it_came(cut: int) -> None:
    """However the octets are cut; the platform gets every one of them."""
    world, noted, _ = listening()
    messages = (
        written("¡Bája!"),
        written("ayuda", "+5050", "3301234567"),
        written("BAJA", source="5501234568"),
    )
    octets = b"".join(messages)
    out = b"".join(world.from_smsc(octets[at : at + cut]) for at in range(0, len(octets), cut))
    assert out == octets
    assert noted == [(OUT, 5501234567), (HELP, 3301234567), (OUT, 5501234568)]
    assert world.to_smsc == b""


@pytest.mark.parametrize(
    "octets",
    [written("hola"), written("BAJA", "5051"), written("BAJA", source="911"), written("BAJA " + "x" * 200)],
)
def test_other_messages_pass_and_are_nobodys_business(octets: bytes) -> None:
    """Other words, other addresses, strangers, long texts."""
    world, noted, alarms = listening()
    assert world.from_smsc(octets) == octets
    assert (noted, alarms) == ([], [])


def test_a_fault_of_ours_is_alarmed_and_the_word_passes() -> None:
    """A full disk costs the relay nothing."""
    world, _, alarms = listening(OSError("full"))
    assert world.from_smsc(written("STOP")) == written("STOP")
    assert [str(each) for each in alarms] == ["full"]
