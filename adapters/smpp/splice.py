"""Cutting an ad into a request: the length fields and the body change, every other octet stays."""

from __future__ import annotations

from librt.strings import BytesWriter, write_i32_be

from adapters.smpp.locate import Cut


def splice(out: BytesWriter, buffer: bytes, start: int, end: int, cut: Cut, suffix: bytes) -> None:
    """Write the request in `buffer[start:end]` with `suffix` after its body.

    command_length grows by the suffix, and so does sm_length, or the message_payload TLV's length
    when the body lies there (SMPP 3.4 §4.4.1, §5.3.2.32). Raises `OverflowError` when a length
    field can't hold it; then nothing was written.
    """
    grown = len(suffix)
    octets = cut.body_end - cut.body_at + grown
    if octets > (0xFFFF if cut.payload_at else 0xFF):
        raise OverflowError(f"a body of {octets} octets is longer than its length field can say")
    write_i32_be(out, end - start + grown)
    if cut.payload_at:
        out.write(buffer[start + 4 : cut.payload_at])
        out.append(octets >> 8)
        out.append(octets & 0xFF)
    else:
        out.write(buffer[start + 4 : cut.length_at])
        out.append(octets)
    out.write(buffer[cut.body_at : cut.body_end])
    out.write(suffix)
    if cut.body_end != end:
        out.write(buffer[cut.body_end : end])
