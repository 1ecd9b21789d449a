"""The sieve of a register file: whom it lets pass, however many there are."""

from pathlib import Path

import numpy as np
import pytest

from adapters.files.register_map import map_register
from adapters.files.register_writer import RegisterWriter
from engine.register_file import sets_of
from segments.seal import SEALED_BITS

ASKED = 20_000
CHOSE = 5


@pytest.mark.parametrize("count", [0, 3, 100, 200_000])
def test_all_members_and_few_others_pass_the_sieve(tmp_path: Path, count: int) -> None:
    """Whoever is in either set passes, and of all others one in a hundred at most."""
    chance = np.random.default_rng(count)
    suppressed = np.sort(chance.integers(0, 1 << SEALED_BITS, count).astype(np.uint64))
    with RegisterWriter(tmp_path) as writer:
        for half in np.array_split(suppressed, 2):
            writer.suppress(np.concatenate((half, half[:1])))
        writer.choose({CHOSE: ((), ("all",))})
        path, contents = writer.finish(1, 1, "")
    first, second = sets_of(*map_register(path))
    sieve = first.sieve
    assert sieve is not None
    assert sieve is second.sieve
    assert contents.suppressed == len(np.unique(suppressed))
    some = [CHOSE, *suppressed[: ASKED // 4].tolist(), *suppressed[-1:].tolist()]
    assert all(map(sieve.may_hold, some))
    others = chance.integers(0, 1 << SEALED_BITS, ASKED).tolist()
    assert sum(map(sieve.may_hold, others)) <= ASKED // 100
