"""Make segments/data/ from a directory of numbering data: `build_reference_data.py SOURCE [TARGET]`.

SOURCE holds lada.csv, lada_municipios.csv, lada_states.csv, weights.csv and pnn2019_compact.csv.xz
(docs/numbering.md says what they are and where they come from). The same input gives the same bytes.
"""

import argparse
import csv
import gzip
import io
import lzma
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from segments.numbers import lada_of, lada_span

Row = dict[str, str]
Range = tuple[int, int, str]

PACKAGED = Path(__file__).resolve().parent.parent / "segments" / "data"


def main(arguments: Sequence[str]) -> None:
    """Read SOURCE, check that it agrees with itself, and write the packaged tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path, nargs="?", default=PACKAGED)
    paths = parser.parse_args(arguments)
    build(paths.source, paths.target)
    for path in sorted(paths.target.glob("*.csv*")):
        print(f"{path.stat().st_size:>8} {path.name}")


def build(source: Path, target: Path) -> None:
    """Write every table into `target`. Raises `SystemExit` when the tables of `source` contradict."""
    ladas = _read(source / "lada.csv")
    pairs = _read(source / "lada_municipios.csv")
    weights = {row["lada"]: row["weight"] for row in _read(source / "weights.csv")}
    shares = sorted(_read(source / "lada_states.csv"), key=lambda row: (row["lada"], -float(row["share"])))
    with lzma.open(source / "pnn2019_compact.csv.xz", "rt", encoding="utf-8", newline="") as stream:
        ranges = sorted(
            (int(row["start"]), int(row["count"]), row["inegi_mun"]) for row in csv.DictReader(stream)
        )
    _agree(ladas, pairs, weights, ranges)
    target.mkdir(parents=True, exist_ok=True)
    _write(target / "states.csv", ("code", "inegi", "name"), _states(ladas, pairs))
    _write(target / "municipalities.csv", ("code", "name", "state", "timezone"), _municipalities(pairs))
    _write(
        target / "ladas.csv",
        ("lada", "city", "state", "inegi_mun", "timezone", "weight"),
        [
            (
                row["lada"],
                row["city"],
                row["state_code"],
                row["inegi_mun"],
                row["timezone"],
                weights[row["lada"]],
            )
            for row in sorted(ladas, key=_by_lada)
        ],
    )
    _write(
        target / "lada_states.csv",
        ("lada", "state", "share"),
        [(row["lada"], row["state_code"], row["share"]) for row in shares],
    )
    _write(
        target / "lada_municipalities.csv",
        ("lada", "inegi_mun"),
        sorted((row["lada"], row["inegi_mun"]) for row in pairs),
    )
    text = _text(("start", "count", "inegi_mun"), merged(ranges))
    (target / "ranges.csv.gz").write_bytes(_packed(text.encode()))


def merged(ranges: Iterable[Range]) -> Iterator[Range]:
    """Join sorted ranges that touch and lie in one municipality and one LADA."""
    pending: Range | None = None
    for start, count, municipality in ranges:
        if (
            pending
            and pending[2] == municipality
            and pending[0] + pending[1] == start != lada_span(lada_of(start))[0]
        ):
            pending = (pending[0], pending[1] + count, municipality)
            continue
        if pending:
            yield pending
        pending = (start, count, municipality)
    if pending:
        yield pending


def _agree(ladas: list[Row], pairs: list[Row], weights: dict[str, str], ranges: list[Range]) -> None:
    known = {row["lada"] for row in ladas}
    reached = {(row["lada"], row["inegi_mun"]) for row in pairs}
    if set(weights) != known:
        sys.exit("weights.csv and lada.csv name different LADAs")
    for row in ladas:
        if (row["lada"], row["inegi_mun"]) not in reached:
            sys.exit(f"the main city of LADA {row['lada']} lies in no municipality that it reaches")
    end = 0
    for start, count, municipality in ranges:
        if start < end or lada_of(start) != lada_of(start + count - 1):
            sys.exit(f"the range from {start} overlaps another or leaves its LADA")
        if (str(lada_of(start)), municipality) not in reached:
            sys.exit(f"the range from {start} lies in {municipality}, which its LADA does not reach")
        end = start + count


def _states(ladas: list[Row], pairs: list[Row]) -> list[tuple[str, ...]]:
    rows = {(row["state_code"], row["inegi_mun"][:2], row["state"]) for row in (*ladas, *pairs)}
    if len({code for code, _, _ in rows}) != len(rows):
        sys.exit("a state has two names or two INEGI codes")
    return sorted(rows)


def _municipalities(pairs: list[Row]) -> list[tuple[str, ...]]:
    rows = {(row["inegi_mun"], row["municipality"], row["state_code"], row["timezone"]) for row in pairs}
    if len({code for code, *_ in rows}) != len(rows):
        sys.exit("a municipality has two names, states or time zones")
    return sorted(rows)


def _by_lada(row: Row) -> str:
    return row["lada"]


def _read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    path.write_text(_text(header, rows), encoding="utf-8", newline="")


def _text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return stream.getvalue()


def _packed(content: bytes) -> bytes:
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", fileobj=packed, mode="wb", compresslevel=9, mtime=0) as stream:
        stream.write(content)
    return packed.getvalue()


if __name__ == "__main__":
    main(sys.argv[1:])
