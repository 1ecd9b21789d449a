"""Cutting an ad into a request: the length fields and the body change, every other octet stays."""

from adapters.smpp.locate import Cut


def splice(buffer: bytes, start: int, end: int, cut: Cut, suffix: bytes) -> bytes:
    """Return the request in `buffer[start:end]` with `suffix` after its body.

    command_length grows by the suffix, and so does sm_length, or the message_payload TLV's length
    when the body lies there (SMPP 3.4 §4.4.1, §5.3.2.32). Raises `OverflowError` when a length
    field can't hold it.
    """
    grown = len(suffix)
    body_octets = cut.body_end - cut.body_at + grown
    if cut.payload_at:
        length_at, length = cut.payload_at, body_octets.to_bytes(2, "big")
    else:
        length_at, length = cut.length_at, body_octets.to_bytes(1, "big")
    return b"".join(
        (
            (end - start + grown).to_bytes(4, "big"),
            buffer[start + 4 : length_at],
            length,
            buffer[cut.body_at : cut.body_end],
            suffix,
            buffer[cut.body_end : end],
        )
    )
