"""Endless work outlives a fault in it."""

import asyncio

import pytest

from adapters.processes import endless
from adapters.processes.endless import again_after_faults


async def test_work_begins_again_after_each_fault_and_each_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two faults, two alarms, then the work is done."""
    monkeypatch.setattr(endless, "PAUSE_S", 0)
    faults: list[Exception] = [KeyError("first"), OSError("second")]
    heard: list[Exception] = []

    async def work() -> None:
        if len(heard) < len(faults):
            raise faults[len(heard)]

    await again_after_faults(work, heard.append)
    assert heard == faults


async def test_work_that_is_cancelled_ends() -> None:
    """Cancelling is no fault."""
    heard: list[Exception] = []
    task = asyncio.ensure_future(again_after_faults(asyncio.Event().wait, heard.append))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert heard == []
