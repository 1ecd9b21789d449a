"""The simulated SMSC in a process of its own: `python -m adapters.simulator`, driven by JSON lines on stdin.

It prints `{"port": N}` once it listens and answers each line with the counts. A line may hold `faults`
(fields of Faults), `ads` (texts to count) and `drop_links`. It ends with stdin.
"""

import argparse
import asyncio
import json
import sys
from typing import Any

from adapters.simulator.faults import Faults
from adapters.simulator.smsc import SimulatedSmsc


def obey(smsc: SimulatedSmsc, line: str) -> dict[str, Any]:
    """Carry out one line and return the counts. Raises ValueError and TypeError for what it can't read."""
    order = json.loads(line)
    if "faults" in order:
        refused = tuple(order["faults"].pop("refused_texts", ()))
        smsc.faults = Faults(**order["faults"], refused_texts=refused)
    smsc.register_ads(*order.get("ads", ()))
    if order.get("drop_links"):
        smsc.drop_links()
    return counts(smsc)


def counts(smsc: SimulatedSmsc) -> dict[str, Any]:
    """Return the counts as one JSON object."""
    return {
        "received": smsc.received,
        "answered": {str(status): times for status, times in smsc.answered.items()},
        "unanswered": smsc.unanswered,
        "ads_received": smsc.ads_received,
        "ads_accepted": smsc.ads_accepted,
        "ads": {
            text: {"received": count.received, "accepted": count.accepted}
            for text, count in smsc.tally.counts.items()
        },
    }


async def serve(host: str, port: int, *, light: bool, seed: int) -> None:
    """Serve until stdin ends."""
    loop = asyncio.get_running_loop()
    orders = asyncio.StreamReader()
    pipe, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    smsc = SimulatedSmsc(light=light, seed=seed)
    await smsc.start(host, port)
    say({"port": smsc.port})
    while line := await orders.readline():
        try:
            say(obey(smsc, line.decode()))
        except (ValueError, TypeError, AttributeError) as fault:
            say({"error": str(fault)})
    pipe.close()
    await smsc.stop()


def say(answer: dict[str, Any]) -> None:
    """Print one JSON line."""
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(prog="python -m adapters.simulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--light", action="store_true", help="answer without reading bodies")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    asyncio.run(serve(given.host, given.port, light=given.light, seed=given.seed))


if __name__ == "__main__":
    main()
