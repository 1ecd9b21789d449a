"""One direction of one leg, cut into PDUs for a trace."""

from adapters.smpp.constants import HEADER_OCTETS


class PduCutter:
    """Gathers octets until a PDU is whole.

    `rest` is what had come of the first one. A stream whose command_length can't be (below 16 or
    above `largest`) comes out as it is from there on.
    """

    def __init__(self, largest: int, rest: bytes = b"") -> None:
        self._largest = largest
        self._rest = rest
        self._broken = False

    def cut(self, data: bytes) -> list[bytes]:
        """Return the PDUs that these octets complete."""
        if self._broken:
            return [data]
        buffer = self._rest + data if self._rest else data
        found: list[bytes] = []
        at, size = 0, len(buffer)
        while size - at >= HEADER_OCTETS:
            length = int.from_bytes(buffer[at : at + 4], "big")
            if not HEADER_OCTETS <= length <= self._largest:
                self._broken, self._rest = True, b""
                return [*found, buffer[at:]]
            if size - at < length:
                break
            found.append(buffer[at : at + length])
            at += length
        self._rest = buffer[at:]
        return found
