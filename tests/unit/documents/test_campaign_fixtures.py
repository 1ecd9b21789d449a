"""Campaign files, one fixture a case: what becomes a draft, and what each mistake is told."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.files.campaign_file import CampaignFileError, read_campaigns
from adapters.files.reference_data import load_geography
from adapters.files.rule_sets import default_rules
from inventory.campaign import CampaignClass, HoursWindow, Pacing
from inventory.document import Standards
from inventory.draft import CampaignDraft, CreativeDraft
from segments.targets import Selector, Target

FIXTURES = Path(__file__).parents[3] / "fixtures" / "campaigns"
GOOD = sorted((FIXTURES / "good").iterdir())
BAD = sorted(path for path in (FIXTURES / "bad").iterdir() if path.suffix != ".expected")
EVERY_DAY = frozenset(range(7))


@pytest.fixture(scope="module")
def standards() -> Standards:
    """Hold documents against the shipped rules and places, before the fixtures' campaigns end."""
    return Standards(default_rules(), load_geography(), datetime(2026, 11, 1, tzinfo=UTC))


def draft(name: str, standards: Standards) -> CampaignDraft:
    """Read the one campaign of a good fixture."""
    (only,) = read_campaigns(FIXTURES / "good" / name, standards)
    return only


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.name)
def test_good_campaign_files_are_read(path: Path, standards: Standards) -> None:
    """Every file in good/ becomes at least one draft."""
    assert read_campaigns(path, standards)


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.name)
def test_bad_campaign_files_list_every_fault_with_its_line(path: Path, standards: Standards) -> None:
    """Every file in bad/ is refused whole, with exactly the lines its .expected file holds."""
    with pytest.raises(CampaignFileError) as refused:
        read_campaigns(path, standards)
    told = [f"{fault.line}: {fault.message}" for fault in refused.value.faults]
    assert told == path.with_suffix(".expected").read_text(encoding="utf-8").splitlines()


def test_the_contracts_example_is_read_whole(standards: Standards) -> None:
    """Each field of the contract's campaign lands in the draft."""
    assert draft("contract.json", standards) == CampaignDraft(
        name="Buen Fin",
        brand="tienda-sol",
        category="retail",
        campaign_class=CampaignClass.GUARANTEED,
        creatives=(CreativeDraft("Buen Fin en tienda sol, 40 de descuento. Marca 5512345678"),),
        target=Target(
            (
                Selector("state", "MX-JAL"),
                Selector("city", "Guadalajara, MX-JAL"),
                Selector("lada", "55"),
                Selector("municipality", "14039"),
            )
        ),
        starts_at=datetime.fromisoformat("2026-11-24T09:00:00-06:00"),
        ends_at=datetime.fromisoformat("2026-11-30T21:00:00-06:00"),
        quantity=100_000,
        hours=(HoursWindow(EVERY_DAY, 540, 1200),),
    )


def test_what_is_left_out_has_its_default(standards: Standards) -> None:
    """Only the required fields: standard class, the whole country, every hour, even pacing."""
    minimal = draft("minimal.yaml", standards)
    assert minimal.campaign_class is CampaignClass.STANDARD
    assert (minimal.category, minimal.target, minimal.hours) == ("other", Target(), ())
    assert (minimal.pacing, minimal.test, minimal.external_id, minimal.labels) == (
        Pacing.EVEN,
        False,
        None,
        {},
    )


def test_hours_may_be_one_object_for_every_day(standards: Standards) -> None:
    """One object without days means all seven, up to midnight."""
    assert draft("hours_one_object.yaml", standards).hours == (HoursWindow(EVERY_DAY, 540, 1440),)


def test_hours_may_wrap_midnight(standards: Standards) -> None:
    """`from` later than `to` belongs to the day on which it begins."""
    night, noon = draft("hours_wrap_midnight.yaml", standards).hours
    assert night == HoursWindow(frozenset({4, 5}), 1320, 120)
    assert noon == HoursWindow(EVERY_DAY, 600, 720)


def test_a_house_campaign_may_have_no_quantity(standards: Standards) -> None:
    """`quantity: null` is for the class house."""
    assert draft("house.yaml", standards).quantity is None


def test_json_and_yaml_say_the_same(standards: Standards) -> None:
    """Tabs between JSON values do not matter."""
    assert draft("tabs.json", standards) == draft("contract.json", standards)
