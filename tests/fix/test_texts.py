"""The pure edits of text: ini, TOML, env.py, ignore files, and several edits of one file together."""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest

from migops.commands.fix import ini_text, toml_text
from migops.commands.fix.env_text import Unedited, double_percents, read_url_from
from migops.commands.fix.ignore_text import changed, includes, with_lines
from migops.commands.fix.merge import merge, together
from migops.commands.fix.model import FileEdit, Fix
from migops.migrations.config import parse_config
from migops.migrations.env_script import undoubled
from migops.migrations.env_url import url_source

HERE = frozenset(("here",))


class TestIni:
    def test_only_the_percent_signs_of_one_option_are_doubled(self) -> None:
        before = b"# 100% sure\r\n[alembic]\r\nx = %(here)s/m\r\nfile_template  :  %(year)d-50% ; a % here\r\n"
        after = ini_text.escape_percents(before, 4, HERE)
        assert after == before.replace(b"%(year)d-50% ; a % here", b"%%(year)d-50%% ; a %% here")
        assert not parse_config(after, "/app/alembic.ini").problems()

    @pytest.mark.parametrize(
        ("value", "escaped"),
        [
            ("postgresql://u:p%40ss@db/x", "postgresql://u:p%%40ss@db/x"),
            ("100%", "100%%"),
            ("%% and %", "%% and %%"),
            ("%(here)s/%d", "%(here)s/%%d"),
            ("%(HERE)s/%d", "%(HERE)s/%%d"),
            ("%(other)s", None),  # a reference to an option that is missing, or meant literally: nobody knows
            ("%%(slug)s", None),  # nothing to double
        ],
    )
    def test_what_is_doubled(self, value: str, escaped: str | None) -> None:
        before = f"[alembic]\nx = {value}\n".encode()
        after = ini_text.escape_percents(before, 2, HERE)
        assert after == (None if escaped is None else f"[alembic]\nx = {escaped}\n".encode())

    def test_a_value_of_several_lines_with_a_comment_in_it(self) -> None:
        before = b"[alembic]\nx =\n    a %d\n    # 5% of it\n    b %%s %(here)s\n\n    c %\ny = %(x)s\n"
        after = ini_text.escape_percents(before, 2, HERE)
        assert after == b"[alembic]\nx =\n    a %%d\n    # 5% of it\n    b %%s %(here)s\n\n    c %%\ny = %(x)s\n"

    def test_the_names_of_a_file_template_are_literal_where_they_are_said_to_be(self) -> None:
        before = b"[alembic]\nfile_template = %(year)d_%(rev)s_%(slug)s\n"
        after = ini_text.escape_percents(before, 2, HERE, literal={"rev", "slug"})
        assert after == b"[alembic]\nfile_template = %%(year)d_%%(rev)s_%%(slug)s\n"

    def test_an_option_is_deleted_with_the_lines_of_its_value_and_without_any_other(self) -> None:
        before = b"[alembic]\n# numbers\nVersion_Num_Format =\n    %04d\n    # kept\n    more\nx = 1\n[other]\nx = 2"
        assert ini_text.delete_option(before, 3) == b"[alembic]\n# numbers\n    # kept\nx = 1\n[other]\nx = 2"

    def test_what_would_become_part_of_the_option_before_is_not_deleted(self) -> None:
        assert ini_text.delete_option(b"[a]\nx = 1\ny = 2\n   z = 3\n", 3) == b"[a]\nx = 1\n"
        assert ini_text.delete_option(b"[a]\nx = 1\n  y = 2\n", 3) is None, "it is a line of x's value"
        assert ini_text.delete_option(b"[a]\nx = 1\n", 1) is None, "no option"

    def test_an_option_keeps_its_spacing_and_value_with_another_name(self) -> None:
        before = b"[alembic]\n  VERSION_path_separator  :  os   \nx = version_path_separator\n"
        after = ini_text.rename_option(before, 2, "path_separator")
        assert after == b"[alembic]\n  path_separator  :  os   \nx = version_path_separator\n"
        assert ini_text.rename_option(b"[a]\nold = 1\nnew = 2\n", 2, "new") is None, "there would be two"

    def test_bytes_that_are_no_utf_8_stay(self) -> None:
        before = b"[alembic]\n# caf\xe9 \xd0\x85 \x85\nx = 5%\n"
        assert ini_text.escape_percents(before, 3, HERE) == before.replace(b"5%", b"5%%")


class TestToml:
    def test_strings_are_escaped_and_comments_are_not(self) -> None:
        before = (
            b'[tool.alembic]\ny = "%(here)s/m" # 1%\nx = [\n  "5%",  # 5% of "it"\n  \'%%\',\n]\n[tool.x]\nx = "%"\n'
        )
        before = before.replace(b"\n", b"\r\n")
        after = toml_text.escape_percents(before, 3, "x")
        assert after == before.replace(b'"5%",', b'"5%%",')
        assert not parse_config(after or b"", "/app/pyproject.toml").problems()

    def test_an_option_is_deleted_with_all_its_lines(self) -> None:
        before = b'[tool.alembic]\na = 1\nversion_num_format = """\n%04d\n"""\nb = 2\n'
        assert toml_text.delete_option(before, 3, "version_num_format") == b"[tool.alembic]\na = 1\nb = 2\n"

    def test_what_does_not_begin_there_is_not_edited(self) -> None:
        before = b'[tool]\nalembic = { x = "%" }\n'
        assert toml_text.escape_percents(before, 2, "x") is None
        assert toml_text.delete_option(before, 0, "x") is None


SYNC = b'''"""Docs."""
from __future__ import annotations

from logging.config import fileConfig

from sqlalchemy import engine_from_config, pool

from alembic import context

# this is the Alembic Config object
config = context.config  # noqa

if config.config_file_name is not None:
    fileConfig(config.config_file_name)

target_metadata = None


def run_migrations_offline() -> None:
    url = config.get_main_option("sqlalchemy.url")
    context.configure(url=url, target_metadata=target_metadata, literal_binds=True)


def run_migrations_online() -> None:
    connectable = engine_from_config(
        config.get_section(config.config_ini_section, {}), prefix="sqlalchemy.", poolclass=pool.NullPool
    )
'''
ASYNC = SYNC.replace(b"engine_from_config", b"async_engine_from_config").replace(
    b"from sqlalchemy import", b"from x import"
)
LINE = b'config.set_main_option("sqlalchemy.url", os.environ["DATABASE_URL"].replace("%", "%%"))'


class TestEnv:
    @pytest.mark.parametrize("source", [SYNC, ASYNC], ids=["sync", "async"])
    def test_the_templates_get_two_lines_and_keep_the_others(self, source: bytes) -> None:
        after = read_url_from(source, "DATABASE_URL")
        assert isinstance(after, bytes)
        added = [line for line in after.splitlines() if line not in source.splitlines()]
        assert added == [b"import os", LINE]
        assert (
            after.index(b"config = context.config  # noqa") < after.index(LINE) < after.index(b"if config.config_file")
        )
        assert after.index(b"from __future__") < after.index(b"import os") < after.index(b"from logging.config")
        assert url_source(after.decode()).variables == ("DATABASE_URL",)

    def test_line_ends_the_byte_order_mark_and_an_import_that_is_there_are_kept(self) -> None:
        source = b"\xef\xbb\xbfimport os\r\n" + SYNC.split(b"annotations\n\n")[1].replace(b"\n", b"\r\n")
        after = read_url_from(source, "DATABASE_URL")
        assert isinstance(after, bytes)
        assert after.replace(LINE + b"\r\n", b"") == source
        bare = b"\xef\xbb\xbf" + SYNC.split(b"annotations\n\n")[1]
        after = read_url_from(bare, "DATABASE_URL")
        assert isinstance(after, bytes)
        assert after.startswith(b"\xef\xbb\xbfimport os\nfrom logging.config")

    @pytest.mark.parametrize(
        ("imports", "expected"),
        [
            (
                b"import asyncio\nimport sys\nfrom a import b\n",
                b"import asyncio\nimport os\nimport sys\nfrom a import b\n",
            ),
            (b"import asyncio  # a; b\nfrom a import b\n", b"import asyncio  # a; b\nimport os\nfrom a import b\n"),
            (
                b"from a import (\n    b,\n)\nimport asyncio\n",
                b"import os\nfrom a import (\n    b,\n)\nimport asyncio\n",
            ),
        ],
    )
    def test_the_import_stands_in_order(self, imports: bytes, expected: bytes) -> None:
        rest = SYNC.split(b"from logging")[1]
        after = read_url_from(imports + b"from logging" + rest, "DATABASE_URL")
        assert isinstance(after, bytes)
        assert after.startswith(expected + b"from logging")

    def test_an_engine_of_the_option_is_one_of_the_ini_file_as_well(self) -> None:
        made = b"connectable = create_engine(config.get_main_option('sqlalchemy.url'))\n"
        source = SYNC.split(b"def run_migrations_online")[0] + made
        after = read_url_from(source, "DATABASE_URL")
        assert isinstance(after, bytes)
        assert after.count(LINE) == 1
        fallback = made.replace(b"create_engine(", b"create_engine(os.getenv('URL') or ")
        assert isinstance(read_url_from(source.replace(made, fallback), "DATABASE_URL"), Unedited)

    def test_another_driver_is_swapped(self) -> None:
        after = read_url_from(SYNC, "DB", ("postgresql+asyncpg", "postgresql"))
        assert isinstance(after, bytes)
        assert b'os.environ["DB"].replace("postgresql+asyncpg://", "postgresql://", 1).replace("%", "%%")' in after

    @pytest.mark.parametrize(
        "source",
        [
            SYNC.replace(b"config = context.config", b"config = context.config; x = 1"),
            SYNC.replace(b"config = context.config", b"cfg = context.config").replace(b"config.", b"cfg."),
            SYNC.replace(b"config.config_ini_section, {}", b'"other"'),
            SYNC + b"\nos = None\n",
            SYNC + b"\nx = context.get_x_argument()\n",
            SYNC + b"\nconfig = make()\n",
            SYNC.replace(b"target_metadata = None", b'config.set_main_option("sqlalchemy.url", load())'),
            SYNC + b"def broken(:\n",
            b"# caf\xe9\n" + SYNC,
            SYNC.replace(b"from __future__ import annotations\n", b"from os import path as os\n"),
            b"",
        ],
    )
    def test_other_shapes_are_left_alone(self, source: bytes) -> None:
        assert isinstance(read_url_from(source, "DATABASE_URL"), Unedited)

    @pytest.mark.parametrize(
        ("value", "doubled"),
        [
            ("url", 'url.replace("%", "%%")'),
            ('f"{a}" + b', '(f"{a}" + b).replace("%", "%%")'),
            ("é or b", '(é or b).replace("%", "%%")'),
            ("str(s.url)", 'str(s.url).replace("%", "%%")'),
        ],
    )
    def test_the_percent_signs_of_a_url_are_doubled(self, value: str, doubled: str) -> None:
        source = '# é\nconfig.set_main_option("sqlalchemy.url", {})  # é\n'
        after = double_percents(source.format(value).encode(), 2)
        assert after == source.format(doubled).encode()
        assert list(undoubled(source.format(doubled))) == []

    def test_a_call_over_several_lines(self) -> None:
        source = b'config.set_main_option(\r\n    "sqlalchemy.url",\r\n    build(\r\n        1\r\n    ),\r\n)\r\n'
        after = double_percents(source, 1)
        assert after == source.replace(b"    ),\r\n", b'    ).replace("%", "%%"),\r\n')


class TestIgnore:
    @pytest.fixture
    def context(self, tmp_path: Path) -> Path:
        for name in (".env", "app/.env", "app/x.py", "m/env.py", "m/versions/1.py", "m/versions/1.pyc", "m/README"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text("")
        return tmp_path

    @pytest.mark.parametrize("old", [b"m\n", b"*\n!app\n", b"**/versions\nm/env.py\n", b"*\r\n!app/**\r\n", b"m/**"])
    def test_exceptions_let_in_what_is_meant_and_nothing_else(self, context: Path, old: bytes) -> None:
        new = with_lines(old, ["!m/env.py", "!m/versions/*.py"])
        difference = changed(context, old, new)
        assert difference == (frozenset(("m/env.py", "m/versions/1.py")), frozenset())
        assert includes(new, "m/versions/1.py")
        assert not includes(new, "m/versions/1.pyc") or includes(old, "m/versions/1.pyc")
        assert (b"\r\n" in new) == (b"\r\n" in old)

    def test_a_file_is_kept_out_by_the_last_line(self, context: Path) -> None:
        assert changed(context, b"!.env\n", with_lines(b"!.env\n", ["**/.env"])) == (
            frozenset(), frozenset((".env", "app/.env"))
        )  # fmt: skip

    def test_a_line_without_an_end_gets_one(self) -> None:
        assert with_lines(b"a", ["b"]) == b"a\nb\n"
        assert with_lines(b"", ["b"]) == b"b\n"
        assert isinstance(changed(Path("/"), b"[", b"[\n!a\n"), str), "no build accepts the line"


class TestTogether:
    def test_edits_of_different_lines_are_one_edit(self) -> None:
        assert together(b"a\nb\nc", b"a\nB\nc", b"a\nb\nc\nd\n") == b"a\nB\nc\nd\n"
        assert together(b"a\nb\n", b"b\n", b"a\nb\nc\n") == b"b\nc\n"
        assert together(b"a", b"a\nb\n", b"a\nc\n") == b"a\nb\nc\n", "both add below the last line"
        assert together(b"a\r\nb", b"A\r\nb", b"a\r\nB") == b"A\r\nB"
        assert together(b"x\n", b"x\ny\n", b"x\ny\n") == b"x\ny\n", "the same edit twice"

    def test_edits_of_one_line_contradict_each_other(self) -> None:
        assert together(b"a\nb\n", b"a\nB\n", b"a\nC\n") is None
        assert together(b"a\nb\nc\n", b"c\n", b"a\nB\nc\n") is None

    def test_a_fix_that_contradicts_waits_as_a_whole(self) -> None:
        one, two = Path("/nowhere/one"), Path("/nowhere/two")
        first = Fix("A", "a", (FileEdit(one, b"a\n", b"b\n"),))
        second = Fix("B", "b", (FileEdit(two, b"a\n", b"b\n"), FileEdit(one, b"a\n", b"c\n")))
        third = Fix("C", "c", (FileEdit(one, b"a\n", b"a\nz\n", 0o755),))
        merged = merge([first, second, third])
        assert (merged.fixes, merged.later) == ((first, third), (second,))
        assert merged.edits == (FileEdit(one, b"a\n", b"b\nz\n", 0o755),)


def test_the_ini_reader_agrees_with_alembics() -> None:
    text = b"[DEFAULT]\nx = 1\n[alembic]\ny = 2\n"
    parser = configparser.ConfigParser()
    parser.read_string(text.decode())
    assert ini_text.sections(text) == {"DEFAULT": {"x": "1"}, "alembic": {"y": "2"}}
    assert dict(parser["alembic"]) == {"x": "1", "y": "2"}
