from pathlib import Path

import pytest

from adapters.files.rule_sets import RuleFileError, default_rules, load_rules
from validators.check import check


def test_a_carrier_allows_the_hyphen_in_one_line(tmp_path: Path) -> None:
    """A file of one key is laid over the shipped rules."""
    path = tmp_path / "rules.yaml"
    path.write_text('extra_characters: "-"\n', "utf-8")
    assert not check("e-commerce", default_rules()).ok
    assert check("e-commerce", load_rules(path)).ok


@pytest.mark.parametrize(
    ("source", "line", "problem"),
    [
        (b"a: [", 1, "is no YAML"),
        (b"\n\nlinks:\n  max_lenght: 4\n", 4, "links.max_lenght: unknown key"),
        (
            b"extra_characters: '-'\nlinks:\n  max_length: many\n",
            3,
            "links.max_length: must be a whole number",
        ),
        (b"links:\n  known_tlds: [mx,\n   no]\n", 2, "False is not text: put it in quotation marks"),
        (b"extra_characters: '-'\nextra_characters: '+'\n", 2, "extra_characters: is there twice"),
        (b"- a\n", 1, "must hold keys"),
        (b"", 1, "must hold keys"),
        (b"# n\xf1\n", 1, "is not UTF-8"),
        (b"links: {}\n? [a]\n: b\n", 2, "a key must be text"),
        (b"# first\nno: 1\n", 1, "False: unknown key"),
        (b"a: b\x00", 1, "is no YAML"),
        (b"links:\n  max_length: !!python/object:os.system 5\n", 2, "is no YAML"),
    ],
)
def test_wrong_files_name_file_and_line(tmp_path: Path, source: bytes, line: int, problem: str) -> None:
    """A file that cannot be used says where, in one line."""
    path = tmp_path / "rules.yaml"
    path.write_bytes(source)
    with pytest.raises(RuleFileError) as caught:
        load_rules(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """A path that cannot be read says so."""
    with pytest.raises(RuleFileError, match=r"cannot be read: No such file"):
        load_rules(tmp_path / "rules.yaml")
