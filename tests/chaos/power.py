"""A power loss as the disk shows it: of each journal what was synced, perhaps more, perhaps a torn frame."""

from dataclasses import dataclass
from pathlib import Path
from random import Random

from adapters.files.journal_reader import find_epochs
from adapters.files.journal_writer import SEGMENT_SUFFIX
from engine.journal import Frame, read_frames
from tests.chaos.patches import Levers

# How often a cut keeps nothing but what was synced: the worst that a disk may do.
WORST = 0.6
# How often the first frame that is lost is there in part.
TORN = 0.5


@dataclass(frozen=True, slots=True)
class Cut:
    """One journal after the power loss: which epoch, the last frame it has, how many it lost."""

    epoch: int
    last: int
    lost: int


@dataclass(frozen=True, slots=True)
class _Place:
    segment: Path
    start: int
    frame: Frame


def cut_journals(data_dir: Path, levers: Levers, chance: Random) -> list[Cut]:
    """Cut every journal of a killed node: it keeps what was synced, and a random part of the rest."""
    return [_cut(folder.path, folder.epoch.number, levers, chance) for folder in find_epochs(data_dir)]


def _cut(directory: Path, epoch: int, levers: Levers, chance: Random) -> Cut:
    segments = sorted(directory.glob(f"*{SEGMENT_SUFFIX}"))
    places = [place for segment in segments for place in _places(segment)]
    synced = sum(place.frame.end <= levers.synced(place.segment) for place in places)
    kept = synced if chance.random() < WORST else chance.randint(synced, len(places))
    for segment in segments:
        ours = [place for place in places[kept:] if place.segment == segment]
        if ours:
            _blank(segment, ours[0], torn=ours[0] is places[kept] and chance.random() < TORN)
    last = places[kept - 1].frame.sequence if kept else 0
    return Cut(epoch, last, len(places) - kept)


def _places(segment: Path) -> list[_Place]:
    places, start = [], 0
    for frame in read_frames(segment.read_bytes()):
        places.append(_Place(segment, start, frame))
        start = frame.end
    return places


def _blank(segment: Path, first: _Place, *, torn: bool) -> None:
    """Zero a segment from a frame on; a torn one keeps its first half."""
    start = first.start + (first.frame.end - first.start) // 2 if torn else first.start
    with segment.open("r+b") as stream:
        size = stream.seek(0, 2)
        stream.seek(start)
        stream.write(bytes(size - start))
