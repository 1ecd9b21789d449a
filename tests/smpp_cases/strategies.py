"""Hypothesis strategies: notifications of every kind, other PDUs, damaged octets, cuts of a stream."""

from dataclasses import fields

from hypothesis import strategies as st

from tests.smpp_cases.handset import written
from tests.smpp_cases.pdus import ENQUIRE_LINK, HEADER_OCTETS, PAYLOAD_TAG, RESPONSE, Submit, pdu, tlv

# Printable ASCII that costs one septet, with the letters that GSM 7-bit has and some that it has not.
LETTERS = st.sampled_from("abcxyzABC 0123456789.,:$@_ñéüà[]{}^~|€")
GSM_TEXTS = st.text(LETTERS, min_size=1, max_size=170)
ANY_TEXTS = st.text(LETTERS | st.sampled_from("áíóúÁ`☎😀ç"), min_size=1, max_size=90)

sequences = st.integers(1, 12) | st.integers(0, 0xFFFFFFFF)
subscribers = st.sampled_from([b"3301234567", b"525501234567", b"+5218710123456", b"0448101234567"])
destinations = subscribers | st.sampled_from([b"7373", b"", b"34000000000", b"8000123456"])
# Without NUL, and ASCII: smpp34 keeps no other sender.
senders = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20).map(str.encode)
octets = st.binary(max_size=255)
vendor_tlvs = st.lists(
    st.builds(tlv, st.integers(0x1400, 0x3FFF), st.binary(max_size=20)), max_size=3, unique_by=lambda t: t[:2]
).map(b"".join)
header_tlvs = st.sampled_from([tlv(tag, b"\1") for tag in (0x020A, 0x020B, 0x020C, 0x020E, 0x020F, 0x0426)])


@st.composite
def bodies(draw: st.DrawFn) -> tuple[int, bytes]:
    """Draw a data_coding and a body that it can write."""
    coding = draw(st.sampled_from([0, 1, 3, 8]))
    text = draw(ANY_TEXTS if coding == 8 else GSM_TEXTS | ANY_TEXTS)
    try:
        body = written(text, coding)
    except UnicodeEncodeError:
        body = written("Llamada", coding)
    return coding, body[:254]


@st.composite
def plain_submits(draw: st.DrawFn) -> Submit:
    """Draw a notification that the predicate has nothing against."""
    coding, body = draw(bodies())
    data = draw(st.integers(0, 3)) == 0
    in_payload = data or draw(st.integers(0, 2)) == 0
    return Submit(
        sequence=draw(sequences),
        body=b"" if in_payload else body,
        payload=body if in_payload else None,
        source=draw(senders),
        destination=draw(subscribers),
        data_coding=coding,
        registered=draw(st.sampled_from([0, 1, 0x11])),
        priority=draw(st.integers(0, 3)) if not data else 0,
        validity=draw(st.sampled_from([b"", b"000001000000000R"])) if not data else b"",
        tlvs_before=draw(vendor_tlvs),
        tlvs=draw(vendor_tlvs) if in_payload else b"",
        data=data,
    )


def changed(submit: Submit, name: str, value: object) -> Submit:
    """Return a copy with one field set."""
    return Submit(**{each.name: getattr(submit, each.name) for each in fields(submit)} | {name: value})


odd_fields = st.one_of(
    st.tuples(st.just("esm_class"), st.integers(0, 255)),
    st.tuples(st.just("protocol_id"), st.integers(0, 255)),
    st.tuples(st.just("replace"), st.integers(0, 255)),
    st.tuples(st.just("data_coding"), st.integers(0, 255)),
    st.tuples(st.just("default_msg"), st.integers(0, 255)),
    st.tuples(st.just("schedule"), st.sampled_from([b"", b"000001000000000R"])),
    st.tuples(st.just("destination"), destinations),
    st.tuples(st.just("tlvs"), header_tlvs),
    st.tuples(st.just("body"), octets),
    st.tuples(st.just("payload"), st.binary(max_size=300)),
)
odd_submits = st.builds(lambda submit, odd: changed(submit, *odd), plain_submits(), odd_fields)
submits = plain_submits() | odd_submits

others = st.builds(
    pdu,
    st.sampled_from([0x03, 0x05, 0x07, 0x08, ENQUIRE_LINK, 0x21, 0x102, 0x80000005, RESPONSE, 0x00010207]),
    sequences,
    octets,
    st.sampled_from([0, 3, 0x400]),
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Draw a submit whose octets behind the header were changed, cut off or added to; its length is right."""
    whole = draw(submits).octets
    body = bytearray(whole[HEADER_OCTETS:])
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(body)))
        match draw(st.integers(0, 2)):
            case 0:
                body[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
            case 1:
                del body[at:]
            case _:
                body[at:at] = draw(st.binary(max_size=6) | st.just(PAYLOAD_TAG.to_bytes(2, "big") + b"\0\1x"))
    return pdu(int.from_bytes(whole[4:8], "big"), int.from_bytes(whole[12:16], "big"), bytes(body))


pdus = st.one_of(submits.map(lambda submit: submit.octets), others, damaged())
cuts = st.lists(st.integers(1, 120), max_size=12)
