"""How far a session has come."""

from enum import Enum


class Stage(Enum):
    """What has come of a session's bind (SMPP 3.4 §2.2)."""

    OPENED = "opened"  # nothing complete has come from the platform
    BINDING = "binding"  # a bind is on its way, or was refused
    BOUND = "bound"  # the SMSC answered a transmitter's or transceiver's bind with ESME_ROK
    BROKEN = "broken"  # a frame could not be cut, or traffic came before a bind: flush and close
