"""Control's duty towards the register: built from the database, told to the workers, kept up to date."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import structlog

from adapters.files.hash_key import HashKeyError
from adapters.files.number_key import load_seal
from adapters.files.register_map import map_register, verify_register
from adapters.files.register_writer import Numbers, RegisterWriter, members_of, register_files
from adapters.postgres.pool import DATABASE_FAULTS, Pool, snapshot
from adapters.postgres.registers import (
    RegisterState,
    Standing,
    claim_key,
    read_changes,
    read_chosen,
    read_listed,
    read_own_suppressions,
    read_state,
)
from adapters.processes.child import Spec
from adapters.processes.messages import Changed, Message, NewRegister
from adapters.processes.worker_lines import WorkerLine, WorkerLines
from engine.register_file import Contents, RegisterFileError
from segments.number_set import LOW_BITS

POLL_S = 0.5
PATIENCE_S = 10.0
# Changes that workers keep beside the file before a new one is made, and those that go in one message.
MOST_CHANGES = 20_000
PER_MESSAGE = 2_000

log = structlog.get_logger()


class Registering:
    """The register of one node: a file, and what changed since it was made."""

    def __init__(self, spec: Spec, lines: WorkerLines) -> None:
        self._spec = spec
        self._lines = lines
        self._check = _check(spec)
        self._path: Path | None = None
        self._contents: Contents | None = None
        self._changes: dict[int, Standing] = {}
        self._version: int | None = None
        self._refused = False
        self._wake = asyncio.Event()
        self._building: asyncio.Task[tuple[Path, Contents]] | None = None

    @property
    def ready(self) -> bool:
        """Tell whether workers have been told a register that was up to date."""
        return self._version is not None

    def heard(self) -> None:
        """Look now: something was changed."""
        self._wake.set()

    def tell(self, line: WorkerLine) -> None:
        """Tell a worker all there is to know, if it is known."""
        for message in self._all():
            line.say(message)

    async def run(self, pool: Pool) -> None:
        """Follow the database until cancelled; a fault of ours alarms, and workers keep what they have."""
        try:
            while True:
                self._wake.clear()
                pause_s = POLL_S
                try:
                    await self._look(pool)
                except DATABASE_FAULTS:
                    raise
                except Exception as error:
                    log.error("alarm_internal_error", exc_info=error)
                    pause_s = PATIENCE_S
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause_s):
                        await self._wake.wait()
        finally:
            if self._building is not None:
                self._building.cancel()
                await asyncio.gather(self._building, return_exceptions=True)
                self._building = None

    async def _look(self, pool: Pool) -> None:
        if self._check is None:
            return
        state = await read_state(pool)
        if state.key_check is None:
            await claim_key(pool, self._check)
            state = await read_state(pool)
        if state.key_check != self._check:
            if not self._refused:
                log.error("alarm_number_key", check=self._check, expected=state.key_check)
            self._refused = True
            return
        if self._contents is None:
            await self._take_up(state)
        if self._contents is not None:
            await self._follow(pool)
        await self._rebuild(pool, state)

    # -- the file ---------------------------------------------------------------------------------

    async def _take_up(self, state: RegisterState) -> None:
        """Go on with the newest file of a former control, if it is whole and the lists are the same."""
        for path in register_files(self._spec.data_dir):
            try:
                contents = await asyncio.to_thread(_verified, path)
            except (OSError, RegisterFileError) as error:
                log.warning("register_file_unreadable", path=str(path), error=str(error))
                continue
            same = contents.check == self._check and contents.lists == state.lists
            if same and contents.version <= state.version:
                self._path, self._contents = path, contents
                return

    async def _rebuild(self, pool: Pool, state: RegisterState) -> None:
        """Make a new file where one is due, beside everything else; take it over when it is there."""
        if self._building is not None and self._building.done():
            task, self._building = self._building, None
            path, contents = task.result()
            await self._swap(pool, path, contents)
        known = self._contents
        due = known is None or known.lists != state.lists or len(self._changes) > MOST_CHANGES
        if due and self._building is None:
            self._building = asyncio.create_task(build_register(pool, self._spec.data_dir, self._check or ""))
            self._building.add_done_callback(lambda _: self._wake.set())

    async def _swap(self, pool: Pool, path: Path, contents: Contents) -> None:
        """Let workers read a new file: first they hear all that was recorded before it was made."""
        if self._contents is not None:
            await self._follow(pool)
        self._path, self._contents = path, contents
        self._changes = {
            number: each for number, each in self._changes.items() if each.version > contents.version
        }
        log.info("register_built", suppressed=contents.suppressed, chosen=contents.chosen)
        if self._version is None:
            await self._follow(pool)
            return
        for message in self._all():
            self._lines.broadcast(message)

    # -- changes ----------------------------------------------------------------------------------

    async def _follow(self, pool: Pool) -> None:
        """Tell the workers what was recorded since the last time; the first time, everything."""
        assert self._contents is not None  # noqa: S101  # its callers see to that
        async with snapshot(pool) as connection:
            version = (await read_state(connection)).version
            if version == self._version:
                return
            since = self._contents.version if self._version is None else self._version
            changes = await read_changes(connection, since)
        self._changes.update(changes)
        first = self._version is None
        self._version = version
        for message in self._all() if first else self._changed(changes, replaces=False):
            self._lines.broadcast(message)

    def _all(self) -> Iterator[Message]:
        if self._version is not None:
            yield NewRegister(path=str(self._path))
            yield from self._changed(self._changes, replaces=True)

    def _changed(self, changes: Mapping[int, Standing], *, replaces: bool) -> Iterator[Message]:
        assert self._contents is not None  # noqa: S101  # its callers see to that
        assert self._version is not None  # noqa: S101  # its callers see to that
        entries = [(number, each.suppressed, *each.scopes) for number, each in changes.items()]
        for at in range(0, max(1, len(entries)), PER_MESSAGE):
            yield Changed(
                entries=tuple(entries[at : at + PER_MESSAGE]),
                replaces=replaces,
                ends=at + PER_MESSAGE >= len(entries),
                version=self._version,
                lists=self._contents.lists,
            )


async def build_register(pool: Pool, data_dir: Path, check: str) -> tuple[Path, Contents]:
    """Write a register file of all that the database has; `check` is that of the key."""
    with RegisterWriter(data_dir) as writer:
        async with snapshot(pool) as connection:
            state = await read_state(connection)
            own = await read_own_suppressions(connection)
            at = 0
            async for bucket, rows in read_listed(connection):
                upto = int(np.searchsorted(own, np.uint64(bucket << LOW_BITS)))
                await asyncio.to_thread(_add, writer, own[at:upto], rows)
                at = upto
            chosen = await read_chosen(connection)
        await asyncio.to_thread(writer.choose, chosen)
        return await asyncio.to_thread(writer.finish, state.version, state.lists, check)


def _check(spec: Spec) -> str | None:
    """Return what tells the node's number key; None without one: then workers are told no register."""
    try:
        return load_seal(spec.settings, spec.data_dir).check
    except HashKeyError as error:
        log.error("alarm_number_key", error=str(error))
        return None


def _verified(path: Path) -> Contents:
    mapped, contents = map_register(path)
    with mapped:
        verify_register(mapped, contents)
    return contents


def _add(writer: RegisterWriter, own: Numbers, rows: Sequence[tuple[int, bytes]]) -> None:
    writer.suppress(np.concatenate((own, members_of(rows))))
