"""YAML as compose reads it: scalars, places, keys, tags, and files that are no YAML or mean harm."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from migops.compose.scalars import float32, sprint
from migops.compose.tree import plain
from migops.compose.yamlfile import documents
from migops.core.errors import MigopsError
from tests.compose.support import read_text

BILLION = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)
)
MERGES = "a0: &a0 {k0: v}\n" + "".join(
    f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}, *a{n - 1}], k{n}: v}}\n" for n in range(1, 30)
)


def value(text: str) -> Any:
    return plain(documents(text.encode(), "f.yaml")[0].value)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("yes", "yes"), ("No", "No"), ("on", "on"), ("y", "y"), ("22:22", "22:22"), ("true", True), ("FALSE", False),
        ("~", None), ("", None), ("010", 8), ("0o17", 15), ("0x1f", 31), ("0b11", 3), ("1_000", 1000), ("08", 8.0),
        ("1.50", 1.5), ("1e3", 1000.0), (".5", 0.5), ("1.2.3", "1.2.3"), ("'1'", "1"), ('"yes"', "yes"),
        ("1.5e400", "1.5e400"),
        ("!!str 1", "1"), ("!!int '3'", 3), ("!mine 1", "1"), ("2024-01-01x", "2024-01-01x"), ("=", "="),
    ],
)  # fmt: skip
def test_scalars_are_those_of_yaml_1_2(text: str, wanted: Any) -> None:
    found = value(f"k: {text}")["k"]
    assert found == wanted
    assert type(found) is type(wanted)


@pytest.mark.parametrize(
    ("number", "wanted"),
    [(1e6, "1e+06"), (100000.0, "100000"), (0.0001, "0.0001"), (0.00001, "1e-05"), (1.0, "1"),
    (123456789.5, "1.234567895e+08"),
     (True, "true"), (None, "<nil>"), (-0.0, "-0"), (float("inf"), "+Inf"),
     ({"b": [1, "x"], "a": None}, "map[a:<nil> b:[1 x]]")],
)  # fmt: skip
def test_values_become_text_as_in_go(number: Any, wanted: str) -> None:
    assert sprint(number) == wanted


def test_single_precision_is_shown_short() -> None:
    assert float32(0.1) == 0.1
    assert float32(16777217.0) == 16777216.0


def test_every_key_and_item_keeps_its_line() -> None:
    (document,) = documents(b"a: &x\n  b: 1\nc:\n  <<: *x\n  d:\n    - e\n    - f: g\n", "f.yaml")
    tree = document.value
    assert {key: mark.line for key, mark in tree.marks.items()} == {"a": 1, "c": 3}
    assert {key: mark.line for key, mark in tree["c"].marks.items()} == {"d": 5, "b": 2}
    assert [mark.line for mark in tree["c"]["d"].marks] == [6, 7]


def test_a_quote_may_be_escaped_and_a_slash_may_not() -> None:
    assert value("a: \"x\\'y\\' \\\\ /\"\nb: 'c\\'\n") == {"a": "x'y' \\ /", "b": "c\\"}
    with pytest.raises(MigopsError, match="line 2: found unknown escape character"):
        value('a: b\nc: "x\\/y"\n')


def test_merge_keys_yield_to_what_is_said() -> None:
    text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {<<: [*a, *b], x: 3}\n"
    assert value(text)["c"] == {"x": 3, "y": 1, "z": 2}


@pytest.mark.parametrize("key", ["!!merge <<", "!<tag:yaml.org,2002:merge> <<", "!!merge '<<'", "! <<"])
def test_a_tagged_merge_key_is_a_merge_key(key: str) -> None:
    assert value(f"a: &a {{x: 1, y: 1}}\nc:\n  {key}: *a\n  x: 3\n")["c"] == {"x": 3, "y": 1}
    assert value(f"a: &a {{x: 1}}\nb: &b {{y: 1}}\nc:\n  {key}: [*a, *b]\n")["c"] == {"x": 1, "y": 1}


def test_a_merge_key_that_is_a_text_or_merges_no_mapping_is_none() -> None:
    assert value("a: &a {x: 1}\nc:\n  '<<': *a\n")["c"] == {"<<": {"x": 1}}
    assert value("a: &a {x: 1}\nc:\n  !!str <<: *a\n")["c"] == {"<<": {"x": 1}}
    with pytest.raises(MigopsError, match="map merge requires map or sequence of maps"):
        value("a: &a x\nc:\n  !!merge <<: *a\n")
    assert value("c:\n  !!merge other: {x: 1}\n")["c"] == {"other": {"x": 1}}


def test_reset_and_override_are_noted() -> None:
    (document,) = documents(b"s:\n  a: !reset null\n  b: !override [1]\n  c: [!reset x, y]\n", "f.yaml")
    assert plain(document.value) == {"s": {"b": [1], "c": ["y"]}}
    assert document.resets == (("s", "a"), ("s", "b"), ("s", "c", "0"))


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a:\n  b: 1\n  b: 2\n", 3, 'line 3: mapping key "b" already defined at line 2'),
        ("a:\n\tb: 1\n", 2, "found character that cannot start any token"),
        ("a: [1\nb: 2\n", 2, "did not find expected ',' or ']'"),
        ("a: 'x\n", 2, "found unexpected end of stream"),
        ("a: *no\n", 1, "unknown anchor 'no' referenced"),
        ("%YAML 1.2\n---\na: b\n", 1, "found incompatible YAML document"),
        ("a:\n  1: b\n", 2, "non-string key in a: 1"),
        ("a: {<<: 3}\n", 1, "map merge requires map or sequence of maps as the value"),
        ("a: &a [*a]\n", 1, "cycle detected"),
        ("a: &a {<<: *a}\n", 1, "cycle detected"),
        ("a: " + "[" * 5000, 1, "nested too deeply"),
        (BILLION, 5, "excessive aliasing"),
        (MERGES, 9, "excessive aliasing"),
    ],
    ids=lambda given: str(given)[:20].encode("unicode_escape").decode(),
)
def test_what_cannot_be_read_is_refused_at_its_place_and_quickly(text: str, line: int, said: str) -> None:
    start = time.process_time()
    with pytest.raises(MigopsError) as refused:
        documents(text.encode(), "f.yaml")
    assert said in refused.value.message
    assert str(refused.value.at) == f"f.yaml:{line}"
    assert time.process_time() - start < 2


def test_a_deep_chain_of_aliases_is_refused() -> None:
    chain = "a0: &a0 [1]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 300))
    with pytest.raises(MigopsError, match="nested too deeply"):
        documents(chain.encode(), "f.yaml")


def test_many_services_may_share_an_anchor(tmp_path: Path) -> None:
    text = "x-a: &a\n" + "".join(f"  x-{n}: v\n" for n in range(40)) + "services:\n"
    text += "".join(f"  s{n}:\n    <<: *a\n    image: i\n" for n in range(1000))
    assert len(read_text(tmp_path, text).services) == 1000


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("services:\n  a: {image: é}\n".encode("latin-1"), 2),
        (b"\xff\xfe\x00", 1),
        (b"a: \x00b\n", 1),
        (b"a: \x07b\n", 1),
    ],
)
def test_another_encoding_is_refused(content: bytes, line: int) -> None:
    with pytest.raises(MigopsError) as refused:
        documents(content, "f.yaml")
    assert str(refused.value.at) == f"f.yaml:{line}"


def test_utf_16_and_a_byte_order_mark_are_read() -> None:
    for encoding in ("utf-8-sig", "utf-16"):
        (document,) = documents("a: é\n".encode(encoding), "f.yaml")
        assert plain(document.value) == {"a": "é"}
