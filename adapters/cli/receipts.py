"""`posdata receipts learn`: which form the SMSC's receipts write message_ids in, from live traffic."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from adapters.cli.console import CommandError, ExitCode, print_json
from adapters.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, settings_at
from adapters.cli.sessions import ask_sessions
from adapters.cli.trace import MOST_SECONDS, follow
from adapters.processes.messages import AskTrace, Traced
from adapters.trace.receipts import ReceiptPicker
from engine.receipt_forms import PARTS, FormsSeen, Part
from engine.receipts import masked, sample
from engine.settings import Settings

SAMPLES = 3

receipts = typer.Typer(help="Learn from receipts.", no_args_is_help=True, rich_markup_mode=None)


@receipts.callback()
def _group() -> None:
    """Learn from receipts."""


@receipts.command("learn")
def learn_command(
    *,
    seconds: Annotated[
        float, typer.Option("--seconds", min=0.1, max=MOST_SECONDS, metavar="N", help="how long to watch")
    ] = 30,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Watch answers and receipts on this node, say which form fits; exit 1 when nothing tells."""
    settings = settings_at(config)
    seen = FormsSeen()
    asyncio.run(_watch(Path(settings.node.data_dir), seconds, seen))
    if as_json:
        print_json(document(seen, settings))
    else:
        print("\n".join(report(seen, settings)))
    if all(seen.fit(part).best is None for part in PARTS):
        raise CommandError(ExitCode.NO)


class _Learning:
    """What a trace is followed for."""

    def __init__(self, seen: FormsSeen) -> None:
        self.dropped = 0
        self._picker = ReceiptPicker(seen)

    def take(self, traced: Traced) -> None:
        """Pick answers and receipts out of what was captured."""
        for captured in traced.pdus:
            self._picker.take(captured)


async def _watch(data_dir: Path, seconds: float, seen: FormsSeen) -> None:
    """Trace the sessions of every system_id, one after another. Raises `CommandError`."""
    live = await ask_sessions(data_dir)
    system_ids = sorted({each.system_id for each in live.sessions if each.bind})
    if not system_ids:
        raise CommandError(ExitCode.NO, "posdata: no platform is bound: there is nothing to watch")
    for system_id in system_ids:
        ask = AskTrace(system_id=system_id, seconds=max(0.1, seconds / len(system_ids)), clear=True)
        await follow(data_dir, ask, _Learning(seen))


def document(seen: FormsSeen, settings: Settings) -> dict[str, Any]:
    """Return what was learnt as a JSON object."""
    return {
        "answers": seen.answered,
        "receipts": len(seen.receipts),
        **{
            part: {
                "ids": fit.ids,
                "fits": fit.fits,
                "form": fit.best,
                "setting": getattr(settings.receipts.message_id, part),
                "samples": _samples(seen, part),
            }
            for part in PARTS
            for fit in [seen.fit(part)]
        },
    }


def report(seen: FormsSeen, settings: Settings) -> Iterator[str]:
    """Yield what was learnt, for a person."""
    yield f"{seen.answered} answers with a message_id, {len(seen.receipts)} receipts"
    for part in PARTS:
        fit = seen.fit(part)
        if not fit.ids:
            yield f"{part}: no receipt had an id there"
            continue
        yield f"{part}: {fit.ids} ids; " + ", ".join(f"{form} fits {n}" for form, n in fit.fits.items())
        for each in _samples(seen, part):
            yield f"  {each}"
        if fit.best is None:
            yield "  no form fits: watch longer, so that answers and their receipts are seen together"
        else:
            now = getattr(settings.receipts.message_id, part)
            change = "as it is set" if now == fit.best else f"set to {now}: change it and restart"
            yield f"  receipts.message_id.{part}: {fit.best}   ({change})"


def _samples(seen: FormsSeen, part: Part) -> list[str]:
    """Return some ids of one part, masked."""
    some = [each for each in seen.receipts if each.ids[part]][:SAMPLES]
    return [
        sample(masked(each.ids[part], each.subscriber, in_text=part == "text", in_tlv=part == "tlv"))
        for each in some
    ]
