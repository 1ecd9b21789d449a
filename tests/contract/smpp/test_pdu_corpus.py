"""The corpus of PDUs (fixtures/pdus, one file a case), each sent through a session with an ad ready."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import smpp34
import yaml

from tests.smpp_cases.handset import fits_one_part, shown
from tests.smpp_cases.pdus import (
    DATA_SM,
    ENQUIRE_LINK,
    PAYLOAD_TAG,
    RESPONSE,
    SUBMIT_SM,
    Submit,
    cut,
    fields_of,
    pdu,
)
from tests.smpp_cases.world import CREATIVE, SEPARATOR, World, make_world

FOLDER = Path(__file__).parents[3] / "fixtures" / "pdus"
KEYS = {"why", "clause", "from", "pdu", "expect"}
BEFORE = pdu(ENQUIRE_LINK, 90) + Submit(sequence=91, destination=b"7373").octets
AFTER = pdu(DATA_SM | RESPONSE, 92, b"1\0", 0x400) + Submit(sequence=93, esm_class=0x40).octets


@dataclass(frozen=True, slots=True)
class Case:
    """One file of the corpus. `octets` is the PDU, `expect` what must become of it."""

    octets: bytes
    origin: str
    alphabet: Any
    expect: Mapping[str, Any]

    @property
    def command(self) -> int:
        """The PDU's command_id."""
        return int.from_bytes(self.octets[4:8], "big")

    @property
    def result(self) -> bytes:
        """The octets that must leave."""
        return octets_of(self.expect["ad"]) if "ad" in self.expect else self.octets


def octets_of(commented: str) -> bytes:
    """Read hexadecimal lines; what follows # is a comment."""
    return bytes.fromhex("".join(line.partition("#")[0] for line in commented.splitlines()))


def read(path: Path) -> Case:
    """Read one file; a key that is missing or unknown fails."""
    document = yaml.safe_load(path.read_text("utf-8"))
    alphabet = document.pop("default_alphabet", "gsm7")
    assert document.keys() == KEYS, path.name
    return Case(octets_of(document["pdu"]), document["from"], alphabet, document["expect"])


CASES = {path.stem: read(path) for path in sorted(FOLDER.glob("*.yaml"))}
ADS = {name: case for name, case in CASES.items() if "ad" in case.expect}


def pieces_of(octets: bytes) -> Iterator[list[bytes]]:
    """Yield ways to cut a stream: not at all, octet by octet, in the middle of headers and of bodies."""
    yield [octets]
    yield cut(octets, [1] * len(octets))
    yield cut(octets, [7] * (len(octets) // 7))


def relay(world: World, origin: str, pieces: list[bytes]) -> bytes:
    """Feed pieces from one side; return what left on the other."""
    feed = world.from_platform if origin == "platform" else world.from_smsc
    return b"".join(map(feed, pieces))


def test_the_corpus_is_large_enough_and_covers_both_directions() -> None:
    """At least forty PDUs, ads and pass-throughs and other commands, from either side."""
    assert len(CASES) >= 40
    assert {case.origin for case in CASES.values()} == {"platform", "smsc"}
    assert {key for case in CASES.values() for key in case.expect} == {"ad", "shown", "reason", "forward"}
    assert len({case.octets for case in CASES.values()}) >= len(CASES) - 3  # the same body under two defaults


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_pdu_leaves_as_its_file_says(case: Case) -> None:
    """What leaves is the file's octets, in order among its neighbours, however the stream is cut."""
    before, after = (BEFORE, AFTER) if case.origin == "platform" else (b"", b"")
    assert int.from_bytes(case.octets[:4], "big") == len(case.octets)
    for pieces in pieces_of(before + case.octets + after):
        world = make_world(alphabet=case.alphabet).bound()
        assert relay(world, case.origin, pieces) == before + case.result + after
        assert world.alarms == []


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_pdu_is_counted_as_its_file_says(case: Case) -> None:
    """A notification is counted once, as inserted or under its reason; any other PDU is not counted."""
    for pieces in pieces_of(case.octets):
        world = make_world(alphabet=case.alphabet).bound()
        relay(world, case.origin, pieces)
        books = world.assert_balanced()
        reason = case.expect.get("reason")
        assert books.notifications == ("forward" not in case.expect)
        assert books.inserted == ("ad" in case.expect)
        assert books.passed == ({reason: 1} if reason else {})
        assert books.refused == 0


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_without_an_ad_every_pdu_leaves_as_it_came(case: Case) -> None:
    """With ads off nothing in the corpus is changed."""
    world = make_world(alphabet=case.alphabet).bound()
    world.inserter.decision = None
    assert relay(world, case.origin, [case.octets]) == case.octets


@pytest.mark.parametrize("case", ADS.values(), ids=ADS)
def test_the_handset_shows_notification_separator_and_creative(case: Case) -> None:
    """The new body, decoded by libraries we did not write, is the old one with the ad, in one SMS part."""
    coding, old = read_body(case.octets)
    new_coding, new = read_body(case.result)
    text = shown(new, new_coding, case.alphabet)
    assert coding == new_coding
    assert text == case.expect["shown"] == shown(old, coding, case.alphabet) + SEPARATOR + CREATIVE
    assert fits_one_part(text, coding)


@pytest.mark.parametrize(
    "case", [case for case in ADS.values() if case.command == SUBMIT_SM and b"\xe1" not in case.octets[:60]]
)
def test_smpp34_reads_the_rest_the_same(case: Case) -> None:
    """A codec we did not write finds every other field of an advertised submit_sm unchanged."""
    before, after = fields_of(case.octets), fields_of(case.result)
    for fields in (before, after):
        for name in ("short_message", "sm_length"):
            del fields[name]
        fields["tlvs"] = [
            tlv if tlv[0] != PAYLOAD_TAG else (PAYLOAD_TAG, b"")
            for tlv in fields["tlvs"]  # type: ignore[attr-defined]
        ]
    assert before == after


def read_body(octets: bytes) -> tuple[int, bytes]:
    """Return data_coding and the body of a submit_sm or data_sm of the corpus."""
    if int.from_bytes(octets[4:8], "big") == SUBMIT_SM:
        found = smpp34.decode(octets)
        assert isinstance(found, smpp34.SubmitSm)
        payloads = [each.value for each in found.tlvs if each.tag == PAYLOAD_TAG]
        return found.data_coding, payloads[0] if payloads else found.short_message
    tail = octets[16:].split(b"\0", 1)[1][2:].split(b"\0", 1)[1][2:].split(b"\0", 1)[1]
    at = tail.index(PAYLOAD_TAG.to_bytes(2, "big"))
    return tail[2], tail[at + 4 : at + 4 + int.from_bytes(tail[at + 2 : at + 4], "big")]
