"""`posdata journal verify`: what the journals on disk hold, and whether they are whole."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from adapters.cli.console import CommandError, ExitCode, print_json
from adapters.cli.options import AsJson
from adapters.files.journal_check import EpochReport, check_journals, is_journal

journal = typer.Typer(help="Look into journals.", no_args_is_help=True, rich_markup_mode=None)


@journal.callback()
def _group() -> None:
    """Look into journals."""


@journal.command("verify")
def verify_command(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="a data_dir, its journal folder, or one epoch's folder")
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Read every frame of every epoch at or under DIR; exit 1 when one is damaged or missing."""
    if not is_journal(directory):
        raise CommandError(ExitCode.USAGE, f"posdata: {directory} is no directory that can be read")
    reports = check_journals(directory)
    if as_json:
        print_json(_document(reports))
    else:
        print("\n".join(_lines(reports)) if reports else f"no journal in {directory}")
    if any(report.faults for report in reports):
        raise typer.Exit(ExitCode.NO)


def _document(reports: Sequence[EpochReport]) -> dict[str, Any]:
    return {
        "ok": not any(report.faults for report in reports),
        "epochs": [_epoch_document(report) for report in reports],
    }


def _epoch_document(report: EpochReport) -> dict[str, Any]:
    return {
        "path": str(report.path),
        "node": report.epoch.node,
        "worker": report.epoch.worker,
        "epoch": report.epoch.number,
        "boot_id": report.boot_id,
        "sync": report.sync,
        "alive": report.alive,
        "segments": report.segments,
        "frames": report.frames,
        "first": report.first,
        "last": report.last,
        "entries": report.entries,
        "dropped": report.dropped,
        "open": len(report.open_insertions),
        "sums": dict(report.by_kind),
        "campaigns": {str(number): dict(sums) for number, sums in sorted(report.by_campaign.items())},
        "faults": [
            {"file": fault.file, "offset": fault.offset, "message": fault.message} for fault in report.faults
        ],
    }


def _lines(reports: Sequence[EpochReport]) -> Iterator[str]:
    for report in reports:
        alive = "its worker lives" if report.alive else "its worker is gone"
        yield f"{report.path}: {alive}, synced {report.sync}"
        yield f"  {report.frames} frames ({report.first} to {report.last}) in {report.segments} segments"
        yield f"  {_sums(report.by_kind) or 'nothing'}; {len(report.open_insertions)} insertions open"
        for number, sums in sorted(report.by_campaign.items()):
            yield f"  campaign {number}: {_sums(sums)}"
        for fault in report.faults:
            place = f"{fault.file}, offset {fault.offset}: " if fault.file else ""
            yield f"  DAMAGED {place}{fault.message}"


def _sums(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())
