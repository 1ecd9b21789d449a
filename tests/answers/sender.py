"""The sender that is killed: control's own session and the answering duty, and nothing else of a node."""

import asyncio
import json
import sys
from typing import Any

from adapters.postgres.pool import open_pool
from adapters.processes.answering import Answering
from adapters.processes.hearing import Hearing
from adapters.smpp.esme import Credentials, EsmeSession
from adapters.smpp.esme_pace import SendingPace
from engine.endpoint import Endpoint
from engine.settings import Settings
from segments.seal import Seal

KEY = b"k" * 32
RESPONSE_S = 2.0


async def send(asked: dict[str, Any]) -> None:
    """Send until killed."""
    host, port = asked["smsc"]
    settings = Settings.model_validate({"esme": {"smsc": f"{host}:{port}", "system_id": "posdata"}})
    pool, seal = await open_pool(asked["dsn"], max_size=12), Seal(KEY)
    ear = Hearing(lambda: settings, lambda: pool, lambda: seal)
    session = EsmeSession(
        Credentials(Endpoint(host, port), "posdata", "", "transceiver"),
        response_timeout_s=RESPONSE_S,
        pace=SendingPace(asked["per_second"]),
        hear=ear.hear,
    )
    await asyncio.gather(session.run(), Answering(lambda: settings, session, lambda: seal).run(pool))


if __name__ == "__main__":
    asyncio.run(send(json.loads(sys.stdin.readline())))
