"""Answers to calls on one link: what one sync has kept leaves with one write."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from adapters.smpp.link import Link, LinkHooks
from adapters.smpp.session import Session
from adapters.smpp.stage import Stage
from engine.responses import HeldCall


async def test_calls_kept_by_one_sync_are_settled_together() -> None:
    """Three releases of one sync are one settlement, and a call that failed does not wait for it."""
    settled: list[tuple[list[HeldCall], bool]] = []

    def settle(calls: list[HeldCall], *, kept: bool) -> None:
        settled.append((calls, kept))

    session: Any = SimpleNamespace(
        settle_calls=settle, calls=[], to_smsc=b"", to_platform=b"", stage=Stage.BOUND, unanswered=4
    )
    releases: list[Any] = []
    hooks = LinkHooks(
        read=lambda: 0.0, ended=lambda _: None, event=lambda *_: None, hold_calls=releases.append
    )
    link = Link(cast("Session", session), (), hooks)
    calls = [HeldCall(b"", b"%d\0" % each) for each in range(4)]
    for each in calls:
        session.calls = [each]
        link._hold_calls()
    for release, kept in zip(releases, (True, True, False, True), strict=True):
        release(kept)
    assert settled == [([calls[2]], False)]
    await asyncio.sleep(0)
    assert settled[1:] == [([calls[0], calls[1], calls[3]], True)]
