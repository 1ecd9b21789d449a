"""What commands and statuses are called in reports: SMPP's names where there is one, else `other`."""

from adapters.smpp.constants import RESPONSE

# SMPP 3.4 §5.1.2.1
_NAMES = {
    0x01: "bind_receiver",
    0x02: "bind_transmitter",
    0x03: "query_sm",
    0x04: "submit_sm",
    0x05: "deliver_sm",
    0x06: "unbind",
    0x07: "replace_sm",
    0x08: "cancel_sm",
    0x09: "bind_transceiver",
    0x0B: "outbind",
    0x15: "enquire_link",
    0x21: "submit_multi",
    0x102: "alert_notification",
    0x103: "data_sm",
}


def command_name(command: int) -> str:
    """Return a command's name."""
    if command == RESPONSE:
        return "generic_nack"
    name = _NAMES.get(command & ~RESPONSE)
    if name is None:
        return "other"
    return f"{name}_resp" if command & RESPONSE else name


def status_name(command: int, status: int) -> str:
    """Return a response's status as `0x45`; requests have none, whatever the field holds (§3.2)."""
    return f"0x{status:02x}" if command & RESPONSE else ""
