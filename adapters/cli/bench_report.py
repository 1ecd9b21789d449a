"""What the benches measured: tables for a person, one document for a program."""

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table

from adapters.bench.asked import (
    MEGABYTE,
    Figure,
    memory_figures,
    relay_figures,
    rules_figures,
    workers_figures,
)
from adapters.bench.memory import Memory
from adapters.bench.node import ROLES
from adapters.bench.relay import RAW, WITH_ADS, Measured
from adapters.bench.rules import Rules, speed
from adapters.bench.workers import Workers
from adapters.smpp import session

# Into a file or a pipe lines are this wide.
PIPED_WIDTH = 120


@dataclass(frozen=True, slots=True)
class Report:
    """The parts that were measured."""

    relay: Measured | None = None
    workers: Workers | None = None
    memory: Memory | None = None
    rules: Rules | None = None

    @property
    def figures(self) -> Sequence[Figure]:
        """What is asked, beside what was measured."""
        return [
            *(relay_figures(self.relay) if self.relay else ()),
            *(workers_figures(self.workers) if self.workers else ()),
            *(memory_figures(self.memory) if self.memory else ()),
            *(rules_figures(self.rules) if self.rules else ()),
        ]


def form() -> str:
    """Return the form of the hot modules: compiled or interpreted."""
    return "interpreted" if session.__file__.endswith(".py") else "compiled"


def document(report: Report) -> dict[str, Any]:
    """Return a report as one JSON document."""
    parts: dict[str, Any] = {
        "machine": {
            "cores": len(os.sched_getaffinity(0)),
            "python": platform.python_version(),
            "form": form(),
        }
    }
    if report.relay is not None:
        parts |= _relay_document(report.relay)
    if report.workers is not None:
        parts["workers"] = asdict(report.workers) | {"ratio": report.workers.ratio}
    if report.memory is not None:
        least, most, last = report.memory.relative
        parts["memory"] = asdict(report.memory) | {"relative": {"min": least, "max": most, "last": last}}
    if report.rules is not None:
        parts["rules"] = {
            "rounds": report.rules.rounds,
            "weighed": [asdict(each) | {"ratio": each.ratio} for each in report.rules.weighed],
        }
    return parts | {"asked": [each.document() for each in report.figures]}


def _relay_document(measured: Measured) -> dict[str, Any]:
    raw, ads = measured.row(RAW), measured.row(WITH_ADS)
    return {
        "relays": [
            asdict(row) | {"times_raw": row.cpu_us / raw.cpu_us, "posdata_times": ads.rate / row.rate}
            for row in measured.rows
        ],
        "not_installed": [asdict(each) for each in measured.missing],
        "nodes": [asdict(each) | {"total_us": each.total_us} for each in measured.nodes],
    }


def show(report: Report) -> None:
    """Print a report's tables."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=PIPED_WIDTH)
    if report.relay is not None:
        console.print(_relays(report.relay), _nodes(report.relay))
    if report.workers is not None:
        console.print(_workers(report.workers))
    if report.memory is not None:
        console.print(_memory(report.memory))
    if report.rules is not None:
        console.print(_rules(report.rules))
    console.print(_asked(report.figures))


def _table(title: str, first: str, *columns: str) -> Table:
    table = Table(title=title, box=box.SIMPLE, title_justify="left", caption_justify="left")
    table.add_column(first)
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _relays(measured: Measured) -> RenderableType:
    raw, ads = measured.row(RAW), measured.row(WITH_ADS)
    title = f"relays, each process on one core (posdata's hot modules {form()})"
    columns = ("µs each", "× raw", "busy %", "a second", "posdata's rate ×", "p50 ms", "p99 ms", "refused")
    table = _table(title, "relay", *columns)
    for row in measured.rows:
        table.add_row(
            row.name,
            f"{row.cpu_us:.2f}",
            f"{row.cpu_us / raw.cpu_us:.1f}",
            f"{100 * row.busy:.0f}",
            f"{row.rate:,.0f}",
            f"{ads.rate / row.rate:.2f}",
            f"{row.p50_ms:.3f}",
            f"{row.p99_ms:.3f}",
            f"{row.refused:,}",
        )
    for each in measured.missing:
        table.add_row(f"{each.name}: not installed")
    table.caption = "\n".join(f"{each.name}: {each.reason}" for each in measured.missing) or None
    return table


def _nodes(measured: Measured) -> RenderableType:
    table = _table("whole node, µs each until settled", "node", *ROLES, "all", "a second", "with an ad %")
    for node in measured.nodes:
        each = [f"{node.cpu_us[role]:.2f}" for role in ROLES]
        table.add_row(
            f"{node.name} ({form()})",
            *each,
            f"{node.total_us:.2f}",
            f"{node.rate:,.0f}",
            f"{100 * node.ads:.1f}",
        )
    return table


def _workers(workers: Workers) -> RenderableType:
    table = _table(
        f"{workers.binds} binds", "workers", "sessions each", "µs each", "a second", "with an ad %"
    )
    table.add_row(
        "1",
        str(workers.binds),
        f"{workers.one_us:.2f}",
        f"{workers.one_rate:,.0f}",
        f"{100 * workers.ads[0]:.1f}",
    )
    spread = " : ".join(map(str, workers.sessions))
    table.add_row(
        "2", spread, f"{workers.two_us:.2f}", f"{workers.two_rate:,.0f}", f"{100 * workers.ads[1]:.1f}"
    )
    return table


def _rules(rules: Rules) -> RenderableType:
    title = f"one worker, medians of {rules.rounds} rounds in turns (posdata's hot modules {form()})"
    table = _table(title, "at", "rules", "µs each", "× without", "with an ad %")
    for each in rules.weighed:
        table.add_row(speed(each.rate), "none", f"{each.us[0]:.2f}", "1", f"{100 * each.ads[0]:.1f}")
        table.add_row("", "all", f"{each.us[1]:.2f}", f"{each.ratio:.2f}", f"{100 * each.ads[1]:.1f}")
    return table


def _memory(memory: Memory) -> RenderableType:
    title = f"memory of a worker, {memory.campaigns:,} campaigns, {memory.messages:,} messages"
    table = _table(title, "sample", "after s", "RSS MB", "PSS MB", "× first")
    first, last = memory.samples[0], memory.samples[-1]
    smallest = min(memory.samples, key=lambda sample: sample.rss)
    named = {"first": first, "smallest": smallest, "largest": memory.largest, "last": last}
    for name, sample in named.items():
        table.add_row(
            name,
            f"{sample.seconds:.0f}",
            f"{sample.rss / MEGABYTE:.1f}",
            f"{sample.pss / MEGABYTE:.1f}",
            f"{sample.rss / first.rss:.3f}",
        )
    return table


def _asked(figures: Sequence[Figure]) -> RenderableType:
    table = _table("asked of it", "figure", "asked", "measured", "")
    for each in figures:
        asked = str(each.document()["asked"])
        table.add_row(each.name, asked, f"{each.measured:.3g}", "holds" if each.holds else "does not hold")
    return table
