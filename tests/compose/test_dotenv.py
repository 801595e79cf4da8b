"""The grammar of env files."""

from __future__ import annotations

from pathlib import Path

import pytest

from migops.compose.dotenv import read_env_files, read_into
from migops.core.errors import MigopsError


def parse(tmp_path: Path, text: str, form: str = "", **outside: str) -> dict[str, str]:
    file = tmp_path / "a.env"
    file.write_text(text)
    values: dict[str, str] = {}
    read_into(values, str(file), outside.get, lambda name: None, form)
    return values


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("A=1\nB = x y \n", {"A": "1", "B": "x y"}), ("export A=1\n", {"A": "1"}), ("A: 1\n", {"A": "1"}),
        ("A=1 # c\nB=1#c\n", {"A": "1", "B": "1#c"}), ("# c\n\nA=\n", {"A": ""}), ("\ufeffA=1\n", {"A": "1"}),
        ("A='$X \\n'\n", {"A": "$X \\n"}), ('A="a\\n\\tb\\"c\\""\n', {"A": 'a\n\tb"c"'}),
        ('A="\\$X $$Y"\n', {"A": "$X $Y"}),
        ("A='it\\'s'\n", {"A": "it's"}), ("A='two\nlines'\nB=2\n", {"A": "two\nlines", "B": "2"}),
        ("A=1\nB=${A}-${NO:-d}\n", {"A": "1", "B": "1-d"}), ("A\nB=1\n", {"B": "1"}),
        ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ('A="\\0101"\n', {"A": "A"}), ('A="x" # c\n', {"A": "x"}), ("A=last", {"A": "last"}),
        ("é.b-c[0]=1\n", {"é.b-c[0]": "1"}),
    ],
)  # fmt: skip
def test_the_grammar(tmp_path: Path, text: str, wanted: dict[str, str]) -> None:
    assert parse(tmp_path, text) == wanted


def test_the_outside_beats_the_file_inside_values(tmp_path: Path) -> None:
    assert parse(tmp_path, "A=file\nB=$A\nC\n", A="out", C="c") == {"A": "file", "B": "out", "C": "c"}


def test_the_raw_format_takes_lines_as_they_are(tmp_path: Path) -> None:
    text = "A= 'x $Y' # z \n#c\n  B=1\nC\n"
    assert parse(tmp_path, text, "raw", C="c") == {"A": " 'x $Y' # z ", "B": "1", "C": "c"}


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("A=1\nB C=1\n", 2, "line 2: key cannot contain a space"),
        ("A=1\n!=1\n", 2, 'line 2: unexpected character "!" in variable name "!=1"'),
        ("A=1\nB='x\n\n", 2, "unterminated quoted value 'x"),
        ("\nA=${B:?tell me}\n", 2, "required variable B is missing a value: tell me"),
    ],
)
def test_a_fault_names_file_and_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    with pytest.raises(MigopsError) as refused:
        parse(tmp_path, text)
    assert said in refused.value.message
    assert str(refused.value.at) == f"{tmp_path / 'a.env'}:{line}"


def test_places_of_variables(tmp_path: Path) -> None:
    file = tmp_path / "a.env"
    file.write_text("# c\nA=1\nB='two\nlines'\nC=3\n")
    marks = read_into({}, str(file), {}.get, lambda name: None)
    assert {name: mark.line for name, mark in marks.items()} == {"A": 2, "B": 3, "C": 5}


def test_a_large_file_takes_linear_time(tmp_path: Path) -> None:
    text = "".join(f"A{number}='x'\n" for number in range(50_000))
    assert len(parse(tmp_path, text)) == 50_000


def test_an_absent_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(MigopsError, match="couldn't find env file"):
        read_env_files([str(tmp_path / "no.env")], {}, lambda name: None)
    with pytest.raises(MigopsError, match="is a directory"):
        read_env_files([str(tmp_path)], {}, lambda name: None)
