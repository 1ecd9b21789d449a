"""TLS under a leg: the protocol of a TCP connection, and the transport of the leg above it.

asyncio's own TLS transport knows no half-close: the peer's close_notify ends what we still have to
say, and ours ends what the peer has. Here each direction ends by itself, as with FIN (RFC 8446 §6.1).
"""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

from adapters.smpp.sockets import take_turns

# The largest piece that one read of a record gives (RFC 8446 §5.1).
RECORD_OCTETS = 16384
# What a TLS connection may begin with: a record of type handshake, or of type alert (RFC 8446 §5.1).
_FIRST_OCTETS = b"\x16\x15"


class TlsRefusedError(ConnectionError):
    """No TLS came about; the message says of the peer ("it …") which check failed."""


class TlsPipe(asyncio.Protocol, asyncio.Transport):
    """One TLS connection; the leg joins when the handshake is done. `told` hears of a fault after that.

    Without a close_notify, FIN ends the peer's direction too: PDUs carry their length, so that
    nothing cut is taken for whole.
    """

    def __init__(
        self,
        leg: asyncio.Protocol,
        context: ssl.SSLContext,
        told: Callable[[str], None],
        *,
        server_name: str | None = None,
    ) -> None:
        super().__init__()
        self._leg = leg
        self._told = told
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_name is None, server_hostname=server_name
        )
        self._settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._settled.add_done_callback(_looked_at)
        self._dials = server_name is not None
        self._heard_any = False
        self._heard_words = False
        self._joined = False
        self._heard_end = False
        self._said_end = False

    async def secured(self, deadline: float) -> None:
        """Wait for the handshake until a time of the loop. Raises `TlsRefusedError`, having closed it."""
        try:
            async with asyncio.timeout_at(deadline):
                await self._settled
        except TimeoutError:
            raise TlsRefusedError("it did not finish the handshake in time") from None
        finally:
            if not self._joined:
                self._tcp.abort()

    # -- what TCP calls ---------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake."""
        self._tcp = cast("asyncio.Transport", transport)
        take_turns(transport)
        self._shake_hands()

    def data_received(self, data: bytes) -> None:
        """Decrypt, and hand on what there is."""
        if self._heard_end:
            return
        if not self._heard_any:
            self._heard_any = True
            if data[0] not in _FIRST_OCTETS:
                self._refuse("it does not speak TLS")
                return
        self._incoming.write(data)
        if not self._joined:
            self._shake_hands()
        if self._joined:
            self._read()

    def eof_received(self) -> bool:
        """Take FIN for the end of what the peer has to say."""
        if self._joined:
            self._hear_end()
        else:
            self._refuse("it closed the connection during the handshake")
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the leg."""
        if not self._joined:
            self._refuse("the connection was lost during the handshake")
            return
        if exc is not None:
            self._wonder()
        self._leg.connection_lost(exc)

    def pause_writing(self) -> None:
        """Tell the leg that the peer is slow."""
        if self._joined:
            self._leg.pause_writing()

    def resume_writing(self) -> None:
        """Tell the leg that the peer has caught up."""
        if self._joined:
            self._leg.resume_writing()

    # -- what the leg calls -----------------------------------------------------------------------

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what is known of the connection; `ssl_object` is its TLS."""
        return self._tls if name == "ssl_object" else self._tcp.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Put another protocol in the leg's place; it gets clear octets as the leg did."""
        self._leg = cast("asyncio.Protocol", protocol)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt and send."""
        if not self._tcp.is_closing():
            self._tls.write(data)
            self._flush()

    def can_write_eof(self) -> bool:
        """Each direction ends by itself."""
        return True

    def write_eof(self) -> None:
        """Say close_notify and FIN after what is buffered; the peer may go on."""
        if not self._said_end and not self._tcp.is_closing():
            self._say_end()
            self._tcp.write_eof()

    def close(self) -> None:
        """Flush, say close_notify, close; nothing more is heard."""
        if not self._said_end and not self._tcp.is_closing():
            self._say_end()
        self._tcp.close()

    def abort(self) -> None:
        """End the connection now."""
        self._tcp.abort()

    def is_closing(self) -> bool:
        """Tell whether the connection is ending."""
        return self._tcp.is_closing()

    def pause_reading(self) -> None:
        """Stop hearing the peer."""
        self._tcp.pause_reading()

    def resume_reading(self) -> None:
        """Hear the peer again."""
        self._tcp.resume_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set above how many unsent octets the leg is paused."""
        self._tcp.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        """Return how many encrypted octets wait."""
        return self._tcp.get_write_buffer_size()

    # -- TLS itself -------------------------------------------------------------------------------

    def _shake_hands(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
        except ssl.SSLError as error:
            self._flush()
            self._refuse(failed_check(error))
        else:
            self._flush()
            self._join()

    def _join(self) -> None:
        self._joined = True
        if not self._settled.done():
            self._settled.set_result(None)
        self._leg.connection_made(self)

    def _refuse(self, reason: str) -> None:
        """Give up before the leg has joined."""
        if not self._settled.done():
            self._settled.set_exception(TlsRefusedError(reason))
        self._tcp.close()

    def _read(self) -> None:
        """Hand on all whole records at once, so that the leg's work is done once a read."""
        pieces: list[bytes] = []
        ended, fault = False, None
        try:
            while piece := self._tls.read(RECORD_OCTETS):
                pieces.append(piece)
            ended = True
        except ssl.SSLWantReadError:
            pass  # the rest of a record is still to come
        except ssl.SSLZeroReturnError:
            ended = True  # close_notify, after ours
        except ssl.SSLError as error:
            fault = error
        self._flush()
        if pieces:
            self._heard_words = True
            self._leg.data_received(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        if ended:
            self._hear_end()
        elif fault is not None:
            self._said_end = True
            self._told(failed_check(fault))
            self._tcp.close()

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._tcp.write(self._outgoing.read())

    def _hear_end(self) -> None:
        if not self._heard_end:
            self._wonder()
            self._heard_end = True
            self._leg.eof_received()

    def _wonder(self) -> None:
        """Tell of an end without a word: in TLS 1.3 our certificate is judged after the handshake."""
        if self._dials and not self._heard_words and not self._said_end:
            self._told("it ended the connection right after the handshake: it may want another certificate")

    def _say_end(self) -> None:
        self._said_end = True
        with suppress(ssl.SSLWantReadError):  # ours is said; the peer's is still to come
            self._tls.unwrap()
        self._flush()


def _looked_at(settled: asyncio.Future[None]) -> None:
    """Take note of a refusal that nobody waits for any more: the dial was given up."""
    if not settled.cancelled():
        settled.exception()


def failed_check(error: ssl.SSLError) -> str:
    """Say of the peer which check failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate was refused: {error.verify_message}"
    reason = error.reason or "UNKNOWN_FAULT"
    if reason == "PEER_DID_NOT_RETURN_A_CERTIFICATE":
        return "it showed no certificate"
    what, alert, name = reason.partition("_ALERT_")
    words = (name if alert else what).lower().replace("_", " ")
    return f"it refused us with the alert: {words}" if alert else f"the handshake failed: {words}"
