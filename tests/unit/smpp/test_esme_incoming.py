"""What a handset wrote, read from octets that an independent codec made."""

import pytest
import smpp34
from hypothesis import given
from hypothesis import strategies as st

from adapters.simulator.handset_message import HandsetMessage
from adapters.smpp.constants import DELIVER_SM
from adapters.smpp.esme_incoming import read_written


@pytest.mark.parametrize("text", ["BAJA", "Bája", "ñandú €", "baja 🙂"])
def test_what_was_written_is_read(text: str) -> None:
    """Who, to whom and the text come through, in the GSM alphabet and in UCS-2."""
    octets = HandsetMessage("525501234567", "5050", text).octets(7)
    decoded = smpp34.decode(octets)
    assert isinstance(decoded, smpp34.DeliverSm)
    written = read_written(octets, DELIVER_SM)
    assert written is not None
    assert (written.source, written.destination) == (b"525501234567", b"5050")
    assert decoded.source_addr == "525501234567"
    assert written.text.casefold().startswith(text[:2].casefold())


@given(st.binary(max_size=80))
def test_no_octets_break_the_reader(body: bytes) -> None:
    """Whatever comes, it is a message or it is none."""
    whole = HandsetMessage("525501234567", "5050", "BAJA").octets(7)
    read_written(whole[:16] + body, DELIVER_SM)
    read_written(whole[: len(body)], DELIVER_SM)
