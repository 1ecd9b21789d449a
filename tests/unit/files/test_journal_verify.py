"""`posdata journal verify`: a whole journal is said to be whole, and every kind of damage is found."""

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from adapters.cli.app import app
from adapters.files.journal_reader import epoch_folder
from adapters.files.journal_writer import segment_path
from engine.journal import ENTRY, FRAME_HEADER, Kind
from tests.unit.files.journals import EPOCH, FRAME, entry, make_writer, write


def verify(directory: Path) -> tuple[int, dict[str, Any]]:
    """Return the exit code and the document of `posdata journal verify --json`."""
    result = CliRunner().invoke(app, ["journal", "verify", str(directory), "--json"])
    return result.exit_code, json.loads(result.stdout)


def written(data_dir: Path, frames: int = 20) -> Path:
    """Write a journal over three segments and let go of it; return its folder."""
    writer = make_writer(data_dir)
    write(writer, *range(1, frames + 1))
    writer.close()
    return epoch_folder(data_dir, EPOCH)


def flip(path: Path, at: int) -> None:
    """Turn the bits of one octet over."""
    octets = bytearray(path.read_bytes())
    octets[at] ^= 0xFF
    path.write_bytes(octets)


def test_a_whole_journal_is_well(data_dir: Path) -> None:
    """Exit 0, every frame read, sums by kind and campaign, and what is still open."""
    writer = make_writer(data_dir)
    write(writer, 1, 2, 3)
    write(writer, 1, kind=Kind.ACCEPTED)
    writer.append(entry(Kind.NOTIFICATIONS, 40) + entry(Kind.REJECTED, 2))
    code, document = verify(data_dir)
    [epoch] = document["epochs"]
    assert (code, document["ok"], epoch["alive"], epoch["faults"]) == (0, True, True, [])
    assert (epoch["frames"], epoch["first"], epoch["last"], epoch["open"]) == (5, 1, 5, 1)
    assert epoch["sums"] == {"inserted": 3, "accepted": 1, "rejected": 1, "notifications": 40}
    assert epoch["campaigns"] == {"1": {"inserted": 3, "accepted": 1, "rejected": 1}}
    writer.close()
    assert verify(data_dir)[1]["epochs"][0]["alive"] is False


def test_segments_that_the_books_have_are_not_missed(data_dir: Path) -> None:
    """Deleted from the front: well. From the middle: a gap, with both frames named."""
    folder = written(data_dir)
    segment_path(folder, 1).unlink()
    assert verify(folder)[0] == 0
    written(data_dir)
    segment_path(folder, 2).unlink()
    code, document = verify(folder)
    messages = [fault["message"] for fault in document["epochs"][0]["faults"]]
    assert (code, messages) == (1, ["segment 2 is missing", "frame 19 follows 9"])


def test_a_changed_octet_is_found_wherever_it_lies(data_dir: Path) -> None:
    """In the middle, or in the very last frame: exit 1, with file and offset."""
    folder = written(data_dir)
    flip(segment_path(folder, 1), 3 * FRAME + FRAME_HEADER.size + 4)
    code, document = verify(folder)
    faults = document["epochs"][0]["faults"]
    assert (code, faults[0]["file"], faults[0]["offset"]) == (1, "00000001.segment", 3 * FRAME)
    assert "frame 4 is damaged" in faults[0]["message"]
    assert document["epochs"][0]["frames"] == 19
    written(data_dir)
    flip(segment_path(folder, 3), FRAME + FRAME_HEADER.size + 4)
    code, document = verify(folder)
    assert (code, document["epochs"][0]["faults"][0]["message"]) == (
        1,
        "frame 20 is damaged: its CRC is wrong",
    )


def test_a_hole_of_zeroes_is_found(data_dir: Path) -> None:
    """What a power loss may leave: frames behind a place that was never written."""
    folder = written(data_dir, 9)
    path = segment_path(folder, 1)
    octets = bytearray(path.read_bytes())
    octets[2 * FRAME : 5 * FRAME] = bytes(3 * FRAME)
    path.write_bytes(octets)
    code, document = verify(folder)
    messages = [fault["message"] for fault in document["epochs"][0]["faults"]]
    assert code == 1
    assert "frame 6 follows 2" in messages


def test_a_write_that_failed_is_no_damage(data_dir: Path) -> None:
    """The beginning of a frame without its end lies behind the last one, and nothing reads it."""
    folder = written(data_dir, 3)
    path = segment_path(folder, 1)
    octets = bytearray(path.read_bytes())
    torn = octets[2 * FRAME : 3 * FRAME - 1]
    octets[3 * FRAME : 3 * FRAME + len(torn)] = torn
    octets[3 * FRAME + 8] = 4
    path.write_bytes(octets)
    assert verify(folder)[0] == 0


def test_entries_that_contradict_each_other_are_found(data_dir: Path) -> None:
    """An insertion opened twice, an outcome without its insertion, a kind that there is not."""
    writer = make_writer(data_dir)
    write(writer, 1, 1)
    write(writer, 7, kind=Kind.UNKNOWN)
    writer.append(ENTRY.pack(9, 0, 0, 1, 5, 33, 9, 1))
    writer.close()
    code, document = verify(data_dir)
    messages = [fault["message"] for fault in document["epochs"][0]["faults"]]
    assert code == 1
    assert messages == [
        "frame 2 opens insertion 1 a second time",
        "frame 3 ends insertion 7, which is not open",
        "frame 4 holds an entry of kind 9, which there is not",
    ]


def test_people_read_the_same(data_dir: Path) -> None:
    """Without --json: the folder, its frames and sums, and each damage with its place."""
    folder = written(data_dir, 3)
    flip(segment_path(folder, 1), FRAME + FRAME_HEADER.size)
    result = CliRunner().invoke(app, ["journal", "verify", str(data_dir)])
    assert result.exit_code == 1
    assert str(folder) in result.stdout
    assert "campaign 1: inserted 2" in result.stdout
    assert f"DAMAGED 00000001.segment, offset {FRAME}: frame 2 is damaged" in result.stdout


def test_a_folder_without_journals_and_one_that_is_none(tmp_path: Path) -> None:
    """Nothing there is well; a directory that is not there is usage."""
    assert verify(tmp_path) == (0, {"ok": True, "epochs": []})
    assert CliRunner().invoke(app, ["journal", "verify", str(tmp_path / "nix")]).exit_code == 2
