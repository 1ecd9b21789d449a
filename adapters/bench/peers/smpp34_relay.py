"""A relay made of smpp34's server and client: `python -m adapters.bench.peers.smpp34_relay UPSTREAM WINDOW`.

One upstream bind for each of the platform's; prints its port when it listens.
"""

import asyncio
import socket
import sys

from smpp34 import Client, Esme, Server, Smsc, SubmitSmEvent

HOST = "127.0.0.1"


class Relay:
    """The sessions, and the requests on their way."""

    def __init__(self, upstream: int, window: int) -> None:
        self._upstream = upstream
        self._window = window
        self._clients: list[Client] = []
        self._sessions: dict[str, Smsc] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, server: Server) -> None:
        """Relay whatever the server yields, for ever."""
        while True:
            event = await server.next()
            if isinstance(event, Esme):
                client = Client(HOST, self._upstream, event.system_id, "bench", window_size=self._window)
                self._clients.append(client)
                self._sessions[event.session_id] = await client.connect()
            elif isinstance(event, SubmitSmEvent):
                task = asyncio.create_task(_relay(event, self._sessions[event.session_id]))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            else:
                await self._sessions.pop(event.session_id).unbind()


async def _relay(event: SubmitSmEvent, session: Smsc) -> None:
    answer = await session.submit_sm(
        event.destination_addr,
        event.short_message,
        source_addr=event.source_addr,
        service_type=event.service_type,
        source_addr_ton=event.source_addr_ton,
        source_addr_npi=event.source_addr_npi,
        dest_addr_ton=event.dest_addr_ton,
        dest_addr_npi=event.dest_addr_npi,
        esm_class=event.esm_class,
        protocol_id=event.protocol_id,
        registered_delivery=event.registered_delivery,
        data_coding=event.data_coding,
        tlvs=event.tlvs,
    )
    if answer.is_success:
        event.accept(answer.message_id or "")
    else:
        event.reject(answer.command_status)


def _free_port() -> int:
    """Return a port that was free a moment ago: the server cannot say which one it took."""
    with socket.create_server((HOST, 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


async def _main(upstream: int, window: int) -> None:
    port = _free_port()
    server = Server(HOST, port, system_id="bench", inbound_capacity=100 * window)
    await server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await Relay(upstream, window).run(server)


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), int(sys.argv[2])))
