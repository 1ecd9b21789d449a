"""Plans on their way from control to the workers: a file written once, mapped by each, replaced whole."""

import mmap
import os
from pathlib import Path

from inventory.plan import Plan, PlanError, decode_plan, encode_plan

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


def map_plan(path: Path) -> Plan:
    """Map a plan file. Raises `OSError`, or `inventory.plan.PlanError` for a cut or damaged one."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        mapped = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
    except ValueError as error:
        raise PlanError("the plan file is empty") from error
    finally:
        os.close(descriptor)
    return decode_plan(memoryview(mapped))
