"""Files of numbers: every listed form is read, what is none is told by its line, the number never."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.files import number_file
from adapters.files.number_file import read_numbers, seal_numbers
from segments.numbers import PREFIXES, national
from segments.seal import Seal

SEAL = Seal(b"k" * 32)


def read(path: Path, octets: bytes) -> tuple[list[int], list[int]]:
    """Return the numbers of a file, and its bad lines."""
    path.write_bytes(octets)
    blocks = list(read_numbers(path))
    numbers = [int(number) for block in blocks for number in block.numbers]
    return sorted(numbers), [fault.line for block in blocks for fault in block.faults]


def test_every_form_is_read(tmp_path: Path) -> None:
    """Prefixes, separators, columns, quotes, comments, Windows line ends, a heading, no last line end."""
    lines = [b"\xef\xbb\xbftelefono", *(prefix + b"5501234567" for prefix in sorted(PREFIXES))]
    lines += [
        b"55 0123 4567",
        b'"(55) 0123-4567"',
        b"5501234567;si",
        b"5501234567,2026",
        b"# nada",
        b"",
        b"  ",
    ]
    numbers, bad = read(tmp_path / "list", b"\r\n".join(lines))
    assert numbers == [5_501_234_567] * (len(PREFIXES) + 4)
    assert bad == []


def test_a_bad_line_is_told_by_number_and_never_repeated(tmp_path: Path) -> None:
    """1,000 bad rows among good ones are reported each, and all the rest is read."""
    lines = [b"5501234%03d" % each if each % 2 else b"800123%03d" % each for each in range(2000)]
    path = tmp_path / "list"
    path.write_bytes(b"\n".join(lines) + b"\n")
    [block] = read_numbers(path)
    good = [int(line) for line in lines if national(line)]
    assert sorted(int(each) for each in block.numbers) == sorted(good)
    assert [fault.line for fault in block.faults] == [
        line for line, octets in enumerate(lines, start=1) if not national(octets)
    ]
    assert "800123" not in str(block.faults[0])


@given(st.lists(st.text("0123456789+x -,", max_size=16), max_size=20), st.integers(8, 64))
def test_many_at_a_time_reads_as_one_by_one(lines: list[str], block: int) -> None:
    """Whatever the lines and however the blocks fall, the numbers are those that `national` gives."""
    octets = "\n".join(lines).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(number_file, "BLOCK_OCTETS", block)
        path = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path.cwd()
        named = path / "posdata-test-numbers"
        try:
            numbers, _ = read(named, octets)
        finally:
            named.unlink(missing_ok=True)
    plain = [line.partition(",")[0].replace(" ", "").replace("-", "") for line in lines]
    assert numbers == sorted(number for line in plain if (number := national(line.encode())))


def test_an_array_is_sealed_as_each_of_its_numbers() -> None:
    """Both ways give the same."""
    numbers = np.random.default_rng(1).integers(2_000_000_000, 9_999_999_999, 1000)
    assert seal_numbers(SEAL, numbers).tolist() == [SEAL.of(int(each)) for each in numbers]
