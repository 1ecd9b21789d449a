import json
from pathlib import Path

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from adapters.cli.check import check_command

APP = typer.Typer()
APP.command("check")(check_command)


def run(*arguments: str) -> Result:
    """Run `posdata check` with arguments."""
    return CliRunner().invoke(APP, list(arguments))


def test_a_good_text_exits_0() -> None:
    """A text that passes exits 0 and says so."""
    result = run("Buen Fin en tienda sol, 40 de descuento. Marca 5512345678")
    assert result.exit_code == 0
    assert result.stdout.startswith("OK  specification 57/90")


def test_a_refused_text_exits_1_marked_and_mended() -> None:
    """A refused text shows the place, both sentences and the suggestion."""
    result = run("El niño")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0].startswith("REFUSED")
    assert lines[1] == "    El niño"
    assert lines[2] == "         ^"
    assert lines[-1] == "  suggestion: El nino"


def test_carets_stand_under_wide_characters() -> None:
    """A character two cells wide gets two carets, and moves those behind it by two."""
    lines = run("😀 ñ").stdout.splitlines()
    assert lines[2] == "    ^^"
    assert lines[7] == "       ^"


def test_control_characters_never_reach_the_terminal() -> None:
    """What could move the cursor is shown as a dot."""
    result = run("Ven\x1b[31m")
    assert result.exit_code == 1
    assert "\x1b" not in result.stdout


def test_a_long_text_is_shown_in_part() -> None:
    """Ten thousand wrong characters take a screenful of lines, not megabytes."""
    result = run("ñ " * 5000)
    assert len(result.stdout) < 20_000
    assert "more findings" in result.stdout


def test_an_empty_text_is_a_text() -> None:
    """An empty TEXT is checked and refused, not a usage error."""
    result = run("", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["findings"][0]["rule"] == "empty"


def test_json_is_one_document_of_the_contract() -> None:
    """`--json` prints the verdict and nothing else on stdout."""
    document = json.loads(run("Niño", "--json", "--profile", "channel").stdout)
    assert document["profile"] == "channel"
    assert document["limit"] == 110
    assert document["suggestion"] == "Nino"


def test_wire_prints_the_octets() -> None:
    """`--wire` shows each alphabet's octets, or why it cannot hold the text."""
    wire = json.loads(run("$@€", "--json", "--wire").stdout)["wire"]
    assert wire["gsm7"] == {"data_coding": 0, "octets": 4, "hex": "02001b65", "problem": None}
    assert wire["ascii"]["hex"] is None
    assert "U+20AC at position 2" in wire["ascii"]["problem"]
    assert wire["ucs2"]["hex"] == "0024004020ac"
    assert "02 00 1b 65" in run("$@€", "--wire").stdout


def test_a_file_holds_one_text_a_line(tmp_path: Path) -> None:
    """Lines end with LF or CRLF, a BOM is no text, an empty line is an empty text."""
    path = tmp_path / "texts.txt"
    path.write_bytes(b"\xef\xbb\xbfhola\r\n\nVen hoy")
    result = run("--file", str(path), "--json")
    assert result.exit_code == 1
    assert [document["ok"] for document in json.loads(result.stdout)] == [True, False, True]
    assert "3 texts: 2 pass, 1 refused" in run("--file", str(path)).stdout


def test_a_carriers_rules_apply(tmp_path: Path) -> None:
    """`--rules` lays a carrier's file over the shipped rules."""
    path = tmp_path / "rules.yaml"
    path.write_text('extra_characters: "-"', "utf-8")
    assert run("e-commerce", "--rules", str(path)).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "give either a TEXT or --file FILE"),
        (["hola", "--file", "{tmp}/good"], "give either a TEXT or --file FILE"),
        (["hola", "--profile", "short"], "--profile: unknown profile 'short'; choose one of"),
        (["--file", "{tmp}/missing"], "cannot be read"),
        (["--file", "{tmp}"], "cannot be read"),
        (["--file", "{tmp}/empty"], "holds no text"),
        (["--file", "{tmp}/latin1"], "latin1:2: octet 0xf1 at column 3 is not UTF-8"),
        (["hola", "--rules", "{tmp}/bad.yaml"], "bad.yaml:1: extra: unknown key"),
    ],
)
def test_usage_errors_exit_2_with_one_line(tmp_path: Path, arguments: list[str], problem: str) -> None:
    """What cannot be checked is one line on stderr that says what to do, and nothing on stdout."""
    (tmp_path / "good").write_text("hola\n", "utf-8")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "latin1").write_bytes(b"hola\nNi\xf1o\n")
    (tmp_path / "bad.yaml").write_text("extra: '-'", "utf-8")
    result = run(*[argument.format(tmp=tmp_path) for argument in arguments])
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert problem in result.stderr
