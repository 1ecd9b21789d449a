"""ads.only_subscribers: numbers in any form, in the settings or in a file of their own."""

from pathlib import Path

import pytest

from adapters.files.settings_file import SettingsError, load_settings
from engine.settings import Settings

FIXTURES = Path(__file__).parents[3] / "fixtures" / "settings" / "good"


def test_a_list_takes_numbers_in_every_form() -> None:
    """Ten digits, +52, 521, 0052, 044, 01 and typed ones all come to ten digits."""
    listed = load_settings(FIXTURES / "trial_subscribers.yaml", {}).ads.only_subscribers
    assert listed == (*range(5501234567, 5501234574), 5501234567)


def test_a_file_lies_beside_the_settings() -> None:
    """Its comments and empty lines say nothing."""
    listed = load_settings(FIXTURES / "trial_file.yaml", {}).ads.only_subscribers
    assert listed == (5501234567, 5501234568, 8710123456)


def test_a_file_is_refused_with_every_line_and_no_number(tmp_path: Path) -> None:
    """Each bad line by its number; what stands there is nobody's business."""
    (tmp_path / "trial.txt").write_text("5501234567\n12345\n# well\n+34 600 000 000\nAna\n")
    config = tmp_path / "posdata.yaml"
    config.write_text("ads: {only_subscribers: trial.txt}\n")
    with pytest.raises(SettingsError) as refused:
        load_settings(config, {})
    assert str(refused.value).splitlines() == [
        f"{tmp_path}/trial.txt:2: is no Mexican subscriber (too_short)",
        f"{tmp_path}/trial.txt:4: is no Mexican subscriber (unlisted_form)",
        f"{tmp_path}/trial.txt:5: is no Mexican subscriber (not_digits)",
    ]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Missing, or no text at all: one line with its name."""
    config = tmp_path / "posdata.yaml"
    config.write_text("ads: {only_subscribers: trial.txt}\n")
    with pytest.raises(SettingsError, match=r"trial\.txt: No such file or directory; ads\.only_subscribers"):
        load_settings(config, {})
    (tmp_path / "trial.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match=r"trial\.txt: is not UTF-8"):
        load_settings(config, {})


def test_the_list_survives_the_way_to_a_worker_and_is_not_shown() -> None:
    """Written as JSON and read again it is the same; a repr of the settings holds no number."""
    settings = load_settings(FIXTURES / "trial_subscribers.yaml", {})
    assert Settings.model_validate_json(settings.model_dump_json(by_alias=True)) == settings
    assert "5501234567" not in repr(settings)
