"""A relay whose client half is aiosmpplib: `python -m adapters.bench.peers.aiosmpplib_relay UPSTREAM WINDOW`.

The library has no server: frames come in by asyncio's streams; it reads them, builds them anew and sends
them, as the simulator's repaired client. One upstream bind for each of the platform's.
"""

import asyncio
import struct
import sys

from aiosmpplib import PduHeader, SmppMessage, SubmitSm
from aiosmpplib.state import BindMode, SmppCommand, SmppCommandStatus

from adapters.simulator.esme import Client
from adapters.simulator.pdu import BIND_TRANSMITTER, ESME_RSYSERR, HEADER, HEADER_OCTETS, RESPONSE, SUBMIT_SM

HOST = "127.0.0.1"
_SEQUENCE = struct.Struct(">I")


class Session:
    """One platform's connection, and the library's client behind it."""

    def __init__(self, upstream: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._waiting: asyncio.Queue[SubmitSm] = asyncio.Queue()
        self._asked: dict[int, bytes] = {}
        self._client = Client(
            HOST, upstream, system_id="bench", password="", mode=BindMode.TRANSMITTER, driver=self
        )

    async def run(self) -> None:
        """Relay until the platform is gone."""
        library = asyncio.create_task(self._client.start())
        try:
            while True:
                head = await self._reader.readexactly(HEADER_OCTETS)
                length, command, _, sequence = HEADER.unpack(head)
                pdu = head + await self._reader.readexactly(length - HEADER_OCTETS)
                if command == BIND_TRANSMITTER:
                    body = b"bench\0"
                    head = HEADER.pack(HEADER_OCTETS + len(body), command | RESPONSE, 0, sequence)
                    self._writer.write(head + body)
                elif command == SUBMIT_SM:
                    self._waiting.put_nowait(_read(pdu, length, sequence))
        except asyncio.IncompleteReadError:
            self._writer.close()
        finally:
            library.cancel()
            await asyncio.gather(library, return_exceptions=True)
            await self._client.close_sockets()

    async def next_message(self) -> SmppMessage:
        """Return the next request."""
        return await self._waiting.get()

    def sending(self, key: str, pdu: bytes) -> None:
        """Remember whose sequence number the answer gets; `key` is the platform's."""
        (sequence,) = _SEQUENCE.unpack_from(pdu, 12)
        self._asked[sequence] = _SEQUENCE.pack(int(key))

    def received(self, pdu: bytes) -> None:
        """Bring an answer home."""
        command, sequence = pdu[4:8], pdu[12:16]
        if command == _SEQUENCE.pack(SUBMIT_SM | RESPONSE):
            home = self._asked.pop(_SEQUENCE.unpack(sequence)[0])
            self._writer.write(pdu[:12] + home + pdu[HEADER_OCTETS:])

    def failed(self, key: str, error: Exception) -> None:
        """Answer what the library could not send."""
        del error
        self._writer.write(HEADER.pack(HEADER_OCTETS, SUBMIT_SM | RESPONSE, ESME_RSYSERR, int(key)))


def _read(pdu: bytes, length: int, sequence: int) -> SubmitSm:
    header = PduHeader(length, SmppCommand.SUBMIT_SM, SmppCommandStatus.ESME_ROK, sequence)
    message = SubmitSm.from_pdu(pdu, header)
    if not isinstance(message, SubmitSm):
        raise TypeError(f"the library read {type(message).__name__} where a submit_sm is")
    message.log_id = str(sequence)
    return message


async def _main(upstream: int) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await Session(upstream, reader, writer).run()

    server = await asyncio.start_server(serve, HOST, 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1])))
