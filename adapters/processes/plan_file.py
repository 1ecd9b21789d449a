"""Plans on their way from control to the workers: a file written once, read by each, replaced whole."""

from pathlib import Path

from inventory.plan import Plan, decode_plan, encode_plan

PLAN_FOLDER = "plan"
# A worker may still be opening the one before.
KEPT_FILES = 4


def write_plan(data_dir: Path, plan: Plan) -> Path:
    """Write a plan so that it is whole or not there; drop old ones. Raises `OSError`."""
    folder = data_dir / PLAN_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{plan.version:020d}.plan"
    new = path.with_suffix(".new")
    new.write_bytes(encode_plan(plan))
    new.replace(path)
    for old in sorted(folder.glob("*.plan"))[:-KEPT_FILES]:
        old.unlink()
    return path


def newest_plan_version(data_dir: Path) -> int:
    """Return the highest version of the plan files there are, 0 when there is none."""
    return max((int(path.stem) for path in (data_dir / PLAN_FOLDER).glob("*.plan")), default=0)


def read_plan(path: Path) -> Plan:
    """Read a plan file. Raises `OSError`, or `inventory.plan.PlanError` for a cut or damaged one.

    Made for a thread: reading and checking, which take a millisecond a megabyte, let go of the interpreter.
    """
    with path.open("rb", buffering=0) as file:
        return decode_plan(file.read)
