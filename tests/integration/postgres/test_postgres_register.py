"""The register: what the database has, in a node's file, is what workers find, and what changed since."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from adapters.files.number_file import seal_numbers
from adapters.files.register_map import map_register, verify_register
from adapters.postgres.choices import Choices, Word, scope_of
from adapters.postgres.pool import Pool
from adapters.postgres.registers import read_changes, read_state
from adapters.postgres.suppression_lists import SealedParts, import_list, remove_from_lists
from adapters.processes.registering import build_register
from engine.register_file import RegisterFileError, profiles_at, sets_of
from engine.subject import Register
from segments.seal import Seal

pytestmark = pytest.mark.postgres

SEAL = Seal(b"k" * 32)
NOW = datetime(2026, 11, 24, 18, tzinfo=UTC)
WORD = Word("test", "", NOW)
LISTED = np.arange(5_501_230_000, 5_501_232_000, dtype=np.int64)
FREE = 5_501_239_999


async def imported(pool: Pool, numbers: np.ndarray, *, replace: bool = False, name: str = "repep") -> int:
    """Import a list and return how long it is."""
    parts = SealedParts()
    for some in np.array_split(numbers, 3):
        parts.add(seal_numbers(SEAL, some))
    done = await import_list(pool, name, parts, source="f", by="t", at=NOW, replace=replace)
    return done.numbers


async def register(pool: Pool, folder: Path, *, opt_in: bool = False) -> tuple[Register, int]:
    """Build a file, map it, and return what a worker reads with the version it is of."""
    path, _ = await build_register(pool, folder, SEAL.check)
    mapped, contents = map_register(path)
    verify_register(mapped, contents)
    read = Register(SEAL, opt_in=opt_in)
    read.take(mapped, *sets_of(mapped, contents), profiles_at(contents), contents.profiles)
    return read, contents.version


def suppressed(read: Register, number: int) -> bool:
    """Tell whether a worker finds a number suppressed."""
    read.look(number)
    return read.suppressed


def test_what_was_imported_is_suppressed_and_nothing_else(
    pool: Pool, runner: asyncio.Runner, tmp_path: Path
) -> None:
    """Two lists and an opt-out are one set; an import adds, or replaces; doubles count once."""

    async def go() -> None:
        assert await imported(pool, np.concatenate((LISTED, LISTED[:5]))) == 2000
        assert await imported(pool, LISTED[:10] + 100_000, name="own") == 10
        async with pool.acquire() as connection, connection.transaction():
            await Choices(SEAL).suppress(connection, FREE, WORD)
        read, _ = await register(pool, tmp_path)
        assert all(suppressed(read, int(number)) for number in [*LISTED, *(LISTED[:10] + 100_000), FREE])
        assert not any(suppressed(read, int(number)) for number in LISTED + 50_000)
        assert await imported(pool, LISTED[:100] + 2_000) == 2100
        assert await imported(pool, LISTED[:100], replace=True) == 100
        read, _ = await register(pool, tmp_path)
        assert suppressed(read, int(LISTED[99]))
        assert not suppressed(read, int(LISTED[100]))

    runner.run(go())


def test_changes_overrule_the_file(pool: Pool, runner: asyncio.Runner, tmp_path: Path) -> None:
    """Opted out and taken off every list since the file was made: workers that hear of it act on it."""

    async def go() -> None:
        await imported(pool, LISTED)
        read, version = await register(pool, tmp_path)
        async with pool.acquire() as connection, connection.transaction():
            await Choices(SEAL).suppress(connection, FREE, WORD)
            taken = int(LISTED[7])
            assert await remove_from_lists(connection, SEAL, taken, source="t", by="t", at=NOW)
            assert not await remove_from_lists(connection, SEAL, FREE + 1, source="t", by="t", at=NOW)
        async with pool.acquire() as connection:
            changes = await read_changes(connection, version)
        told = {number: (each.suppressed, each.scopes) for number, each in changes.items()}
        read.change(told, replaces=True)
        assert suppressed(read, FREE)
        assert not suppressed(read, taken)
        assert suppressed(read, int(LISTED[8]))
        state = await read_state(pool)
        assert state.version > version

    runner.run(go())


@pytest.mark.parametrize("opt_in", [False, True])
def test_consent_goes_by_campaign(pool: Pool, runner: asyncio.Runner, tmp_path: Path, opt_in: bool) -> None:
    """Each mode allows just what its table says, from the file and from changes alike."""
    retail, brand = scope_of(category="retail"), scope_of(brand="sol")
    numbers = range(5_501_230_000, 5_501_230_006)
    silent, all_in, brand_in, brand_out, all_out, mixed = numbers

    async def go() -> None:
        choices = Choices(SEAL)
        async with pool.acquire() as connection, connection.transaction():
            await choices.consent(connection, all_in, WORD)
            await choices.consent(connection, brand_in, WORD, brand)
            await choices.withdraw(connection, brand_out, WORD, brand)
            await choices.withdraw(connection, all_out, WORD)
            await choices.consent(connection, mixed, WORD)
            await choices.withdraw(connection, mixed, WORD, retail)
        async with pool.acquire() as connection:
            changes = await read_changes(connection, 0)
        read, _ = await register(pool, tmp_path, opt_in=opt_in)
        heard = Register(SEAL, opt_in=opt_in)
        heard.change({number: (False, each.scopes) for number, each in changes.items()}, replaces=True)
        expected = {
            silent: (not opt_in, not opt_in),
            all_in: (True, True),
            brand_in: (True, not opt_in),
            brand_out: (False, not opt_in),
            all_out: (False, False),
            mixed: (False, True),
        }
        for each in (read, heard):
            found = {}
            for number in numbers:
                each.look(number)
                choice = each.choice
                found[number] = tuple(
                    choice is None or choice.allows(*scopes)
                    for scopes in ((retail, brand), ("category:food", "brand:luna"))
                )
            assert found == expected

    runner.run(go())


def test_a_damaged_file_is_refused(pool: Pool, runner: asyncio.Runner, tmp_path: Path) -> None:
    """Cut anywhere, or altered: whoever looks finds out."""

    async def go() -> None:
        await imported(pool, LISTED)
        path, _ = await build_register(pool, tmp_path, SEAL.check)
        octets = path.read_bytes()
        for broken in (b"", octets[:10], octets[:-1], octets[:5000]):
            path.write_bytes(broken)
            with pytest.raises(RegisterFileError):
                map_register(path)
        path.write_bytes(octets[:3000] + bytes((octets[3000] ^ 1,)) + octets[3001:])
        with pytest.raises(RegisterFileError):
            verify_register(*map_register(path))

    runner.run(go())
