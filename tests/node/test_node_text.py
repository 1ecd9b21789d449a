"""Text end to end: a handset shows notification + separator + creative, or the notification alone."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from itertools import product
from typing import get_args

import pytest
import pytest_asyncio

from adapters.simulator.pdu import ESME_ROK, read_submit
from adapters.simulator.raw_platform import RawPlatform
from adapters.simulator.smsc import SimulatedSmsc
from engine.composition import DefaultAlphabet
from tests.node.harness import PATIENCE_S, Node, campaign, running, settings_for
from tests.smpp_cases.handset import fits_one_part, shown, written
from tests.smpp_cases.pdus import Submit

pytestmark = [pytest.mark.node, pytest.mark.asyncio(loop_scope="module")]

ALPHABETS: tuple[DefaultAlphabet, ...] = get_args(DefaultAlphabet)
# As long as the lower end of a room class: so the plan tries it wherever it fits.
AD = "Tienda sol, $40 en mi.tienda/ab o a@b.mx"
SEPARATOR = " "
ROOM_LEFT = 160 - len(SEPARATOR + AD)
WIDE_LEFT = 70 - len(SEPARATOR + AD)

# What a platform may say; each is sent under every data_coding that can write it.
TEXTS = (
    "Llamada perdida de 5501234567",
    "Debes $5 a @casa, linea_1",
    "Señal de llamada en la mañana",
    "¿Te llamo? 5501234567",
    "Llamó 5501234567 a las 9 h",
    "Te llamó el número 5501234567",
    "Llamada [urgente] de ~5501234567 {1} 100€",
    "Llamada 📞 de 5501234567",
    "x" * ROOM_LEFT,
    "x" * (ROOM_LEFT + 1),
    "[" + "x" * (ROOM_LEFT - 2),
    "[" + "x" * (ROOM_LEFT - 1),
    "á" + "x" * (WIDE_LEFT - 1),
    "á" + "x" * WIDE_LEFT,
    "x" * WIDE_LEFT,
    "x" * (WIDE_LEFT + 1),
    "Llamada\nperdida\n",
    "x",
)
UNREADABLE: dict[DefaultAlphabet, tuple[bytes, ...]] = {
    "gsm7": (b"Llam\xf3 5501234567", b"Llamada\x80", b"Llamada\x1b"),
    "ascii": (b"Llam\xf3 5501234567", b"Llamada\xff"),
    "latin1": (),
}


@dataclass
class Bench:
    """One route with its SMSC and a platform bound to it."""

    alphabet: DefaultAlphabet
    smsc: SimulatedSmsc
    platform: RawPlatform


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def node(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Node, dict[str, Bench]]]:
    """A node with a route for each default alphabet, each with an SMSC that reads it so."""
    async with AsyncExitStack() as stack:
        smscs = {
            each: await stack.enter_async_context(
                SimulatedSmsc(ads=[AD], default_alphabet=each, keep_frames=10_000)
            )
            for each in ALPHABETS
        }
        settings = settings_for(0)
        settings["relay"] = {
            "routes": [
                {
                    "name": each,
                    "listen": "127.0.0.1:0",
                    "upstream": [f"127.0.0.1:{smsc.port}"],
                    "default_alphabet": each,
                }
                for each, smsc in smscs.items()
            ]
        }
        node = await stack.enter_async_context(running(tmp_path_factory.mktemp("text"), settings))
        await node.book(campaign("sol", AD, 100_000))
        await node.gate(None)
        benches = {}
        for each, smsc in smscs.items():
            platform = RawPlatform(*node.routes[each])
            await platform.connect()
            benches[each] = Bench(each, smsc, platform)
        await _leased(node, benches["gsm7"])
        yield node, benches
        for bench in benches.values():
            bench.platform.abort()
        assert await node.stop() == 0


async def _leased(node: Node, bench: Bench) -> None:
    """Send notifications until one gets an ad: from then on each that may have one gets it."""
    while not bench.smsc.ads_received:
        bench.platform.submit(Submit().octets)
        await bench.platform.settled(PATIENCE_S)
    await node.settled(bench.smsc.received)


def _requests(alphabet: DefaultAlphabet) -> list[tuple[str, Submit]]:
    """Return every text in every data_coding and place that can hold it."""
    found = []
    for text, coding in product(TEXTS, (0, 1, 3, 8)):
        try:
            octets = written(text, coding, alphabet)
        except UnicodeEncodeError:
            continue
        plain = Submit(body=octets, data_coding=coding)
        payload = Submit(body=b"", payload=octets, data_coding=coding)
        found += [(text, each) for each in (plain, payload, replace(payload, data=True)) if len(octets) < 255]
    return found


@pytest.mark.parametrize("alphabet", ALPHABETS)
async def test_a_handset_shows_notification_separator_creative_within_one_sms(
    node: tuple[Node, dict[str, Bench]], alphabet: DefaultAlphabet
) -> None:
    """By an independent decoder and by the SMSC's own: with the ad where one SMS holds both, else without."""
    bench = node[1][alphabet]
    requests = _requests(alphabet)
    before, ads = len(bench.smsc.frames), bench.smsc.ads_accepted
    for _, request in requests:
        bench.platform.submit(request.octets)
    await bench.platform.settled(PATIENCE_S)
    assert set(bench.platform.statuses) == {ESME_ROK}
    received = [read_submit(frame.octets) for frame in list(bench.smsc.frames)[before:]]
    expected = [
        whole if fits_one_part(whole := text + SEPARATOR + AD, request.data_coding) else text
        for text, request in requests
    ]
    assert [shown(each.body, each.data_coding, alphabet) for each in received] == expected
    assert [each.data_coding for each in received] == [request.data_coding for _, request in requests]
    assert bench.smsc.ads_accepted == ads + sum(each.endswith(AD) for each in expected)
    assert 0 < sum(each.endswith(AD) for each in expected) < len(expected)


@pytest.mark.parametrize("alphabet", ["gsm7", "ascii"])
async def test_a_body_that_its_alphabet_cannot_hold_stays_as_it_is(
    node: tuple[Node, dict[str, Bench]], alphabet: DefaultAlphabet
) -> None:
    """Not a guess is appended to what can't be read: `alphabet_mismatch`."""
    bench = node[1][alphabet]
    total = sum(each.smsc.received for each in node[1].values())
    counted = (await node[0].settled(total))["pass_through"].get("alphabet_mismatch", 0)
    for body in UNREADABLE[alphabet]:
        sequence = bench.platform.submit(Submit(body=body).octets)
        await bench.platform.settled(PATIENCE_S)
        assert bench.smsc.frames[-1].octets == Submit(sequence, body).octets
    total += len(UNREADABLE[alphabet])
    counts = await node[0].settled(total)
    assert counts["pass_through"]["alphabet_mismatch"] == counted + len(UNREADABLE[alphabet])
    assert counts["campaigns"][0]["accepted"] == sum(each.smsc.ads_accepted for each in node[1].values())
