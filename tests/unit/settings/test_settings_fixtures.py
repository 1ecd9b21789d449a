"""Settings files, one fixture a case: what is accepted, and what each mistake is told."""

from pathlib import Path

import pytest

from adapters.files.settings_file import SettingsError, load_settings
from engine.endpoint import Endpoint
from engine.settings import Settings

FIXTURES = Path(__file__).parents[3] / "fixtures" / "settings"
GOOD = sorted((FIXTURES / "good").glob("*.yaml"))
BAD = sorted((FIXTURES / "bad").glob("*.yaml"))


def load(name: str) -> Settings:
    """Load a good fixture by name, without the environment."""
    return load_settings(FIXTURES / "good" / f"{name}.yaml", {})


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_good_settings_load(path: Path) -> None:
    """Every file in good/ is accepted."""
    assert load_settings(path, {}).node.data_dir


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_bad_settings_list_every_fault_with_its_line(path: Path) -> None:
    """Every file in bad/ is refused with exactly the lines its .expected file holds."""
    with pytest.raises(SettingsError) as refused:
        load_settings(path, {})
    told = [f"{fault.line}: {fault.message}" for fault in refused.value.faults]
    assert told == path.with_suffix(".expected").read_text(encoding="utf-8").splitlines()


def test_an_empty_file_is_all_defaults() -> None:
    """Nothing set, only comments and the contract's own example come to the same settings."""
    empty = load("empty")
    assert empty == load("only_comments")
    assert empty == load("contract")


def test_shorthand_is_one_route_named_default() -> None:
    """`listen` and `upstream` alone make one route, with the relay's alphabet."""
    (route,) = load("contract").relay.routes
    assert (route.name, route.default_alphabet) == ("default", "gsm7")
    assert route.listen == Endpoint("127.0.0.1", 2775)
    assert route.upstream == (Endpoint("127.0.0.1", 2776),)


def test_routes_carry_their_own_alphabet_or_the_relays() -> None:
    """A route without `default_alphabet` takes that of relay.notifications."""
    north, south = load("routes").relay.routes
    assert (north.default_alphabet, south.default_alphabet) == ("gsm7", "latin1")
    assert south.upstream == (Endpoint("2001:db8::5", 2775),)


def test_quiet_hours_are_minutes_of_the_day() -> None:
    """Times need no quotes, 24:00 is the end of the day, null means none."""
    unquoted, late = load("quiet_hours_unquoted").policy, load("quiet_hours_until_midnight").policy
    assert unquoted.quiet_hours is not None
    assert (unquoted.quiet_hours.start, unquoted.quiet_hours.end) == (1260, 540)
    assert late.quiet_hours is not None
    assert (late.quiet_hours.start, late.quiet_hours.end) == (1350, 1440)
    assert load("quiet_hours_null").policy.quiet_hours is None


def test_statuses_may_be_hexadecimal() -> None:
    """retry_bare_on takes 0x01, 69 and "0x00000400"."""
    assert load("hexadecimal_statuses").relay.retry_bare_on == (0x01, 69, 0x400)
