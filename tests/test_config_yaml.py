import time
import tracemalloc

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from toktts.config import _yaml, load_config
from toktts.config._yaml import Node, Origin, dump_yaml, merge, read_yaml
from toktts.errors import ConfigError

PLACE = Origin("a.yaml", 1)


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read_yaml(text, "a.yaml")
    return str(caught.value)


def value_of(text: str) -> object:
    return read_yaml(f"key: {text}", "a.yaml").plain().get("key")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("1.0e-4", 1e-4),
        ("1E3", 1000.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("-7", -7),
        ("+7", 7),
        ("1_000", 1000),
        ("0x1f", 31),
        ("0", 0),
        ("yes", True),
        ("OFF", False),
        ("~", None),
        ("None", None),
        ("'None'", "None"),
        ("'1'", "1"),
        ("2026-01-01", "2026-01-01"),
        ("1.2.3", "1.2.3"),
        ("=", "="),
        ("y", "y"),
        ("nan", "nan"),
        ("e5", "e5"),
    ],
)
def test_a_plain_scalar_means_what_it_looks_like(text, value):
    found = value_of(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("text", ["010", "10:30", "1:2:3.5", "-007", "0o17", "0b11", "00"])
def test_a_number_that_readers_disagree_on_must_be_quoted(text):
    assert f"a.yaml:1 key: {text} can be read as different numbers or as text; quote it" in refusal(f"key: {text}")
    assert value_of(f"'{text}'") == text


def test_a_duplicate_key_is_refused_with_both_lines():
    assert refusal("a:\n  b: 1\n  c: 2\n  b: 3\n") == "a.yaml:4 a: key 'b' is written twice (lines 2 and 4); keep one"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "a:\n\tb: 1",
            "indent with spaces, not tabs",
        ),
        ("a: [1,\nb: 2", "a.yaml:2: column "),
        ("a: 'b", "a.yaml:1: column 6: not YAML: found unexpected end of stream"),
        ("a: 1\nb: \0", "a.yaml:2: character 0x0000 is not allowed in YAML"),
        ("a: 1\n---\nb: 2", "a.yaml:2: holds more than one document"),
        ("a: !!python/object/apply:os.system [echo]", "a.yaml:1: tags such as !!python/object are not allowed"),
        ("a: !!str 1", "tags such as !!python/object are not allowed"),
        ("!!map {a: 1}", "tags such as !!python/object are not allowed"),
        ("a: &x {b: 1}\nc:\n  <<: *x", "a.yaml:3: merge keys (<<) are not supported"),
        ("a.b: 1", "key 'a.b' is not a name; nest it"),
        ("? [a]\n: 1", "key is not plain text"),
        ('"": 1', "key '' is not a name"),
        ('a: "\\UFFFFFFFF"', "not YAML"),
    ],
)
@pytest.mark.parametrize("loader", [yaml.SafeLoader, _yaml.Loader])
def test_bad_yaml_is_refused_with_its_place(monkeypatch, loader, text, expected):
    monkeypatch.setattr(_yaml, "Loader", loader)
    assert expected in refusal(text)


def test_a_tag_runs_nothing(tmp_path):
    refusal(f"a: !!python/object/apply:os.mkdir ['{tmp_path}/made']")
    assert not (tmp_path / "made").exists()


def test_aliases_share_values():
    assert read_yaml("a: &x {n: 1}\nb: *x", "a.yaml").plain() == {"a": {"n": 1}, "b": {"n": 1}}


BOMBS = {
    "laughs": "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)),
    "self": "a: &a [*a]",
    "self in a mapping": "a: &a {b: *a}",
    "too many": "a: &a 1\nb: [" + "*a, " * 101 + "]",
    "deep flow": "[" * 2000 + "]" * 2000,
    "deep mappings": "{a: " * 2000 + "}" * 2000,
    "deep block": "".join("  " * n + "a:\n" for n in range(200)),
    "deep by alias": "a0: &a0 [1]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 99)),
    "large": "a: " + "x" * 70_000,
    "many values": "a: [" + "1, " * 20_000 + "]",
    "long number": "a: " + "1" * 60_000,
    "many keys": "".join(f"k{n}: 1\n" for n in range(6000)),
    "many brackets": "a: " + "[" * 60_000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_quickly_and_in_little_memory(name):
    def seconds():
        start = time.process_time()
        refusal(BOMBS[name])
        return time.process_time() - start

    # The best of three: the first may load what reads YAML, and any may meet the garbage of other tests.
    assert min(seconds() for _ in range(3)) < 0.2
    tracemalloc.start()
    refusal(BOMBS[name])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50e6


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "a.yaml:1: expected a mapping, got nothing"),
        ("# nothing\n", "expected a mapping, got nothing"),
        ("null", "expected a mapping, got nothing"),
        ("- a", "a.yaml:1: expected a mapping, got a list"),
        ("word", "expected a mapping, got text"),
        ("3", "expected a mapping, got a number"),
        ("\ndata: 3", "a.yaml:2 data: expected a mapping, got a number"),
        ("data: [a]", "a.yaml:1 data: expected a mapping, got a list"),
    ],
)
def test_a_config_that_is_no_mapping_is_refused(tmp_path, monkeypatch, text, expected):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(["a.yaml"])
    assert expected in str(caught.value)


def test_a_byte_order_mark_and_windows_lines_are_fine(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfdata:\r\n  workers: 2\r\n")
    assert load_config([path]).data.workers == 2


def test_a_file_in_another_encoding_is_refused_with_line_and_byte(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes("data:\n  speaker: Zoë\n".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"a.yaml:2: byte 0xeb at offset 19 is not UTF-8; save the file as UTF-8"):
        load_config([path])


def test_an_endless_file_is_refused():
    with pytest.raises(ConfigError, match="larger than 65536 bytes|not allowed in YAML"):
        load_config(["/dev/zero"])


# Merging


def nodes() -> st.SearchStrategy[Node]:
    def mapping(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
        entries = st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
        return st.builds(Node, entries, st.just(PLACE))

    leaves = st.builds(Node, st.none() | st.integers(0, 9) | st.just([Node(1, PLACE)]), st.just(PLACE))
    return mapping(st.recursive(leaves, mapping, max_leaves=8))


EMPTY = Node({}, PLACE)


@given(nodes(), nodes(), nodes())
def test_merging_is_associative(a, b, c):
    assert merge(merge(a, b), c) == merge(a, merge(b, c))


@given(nodes())
def test_merging_with_nothing_or_oneself_changes_nothing(a):
    assert merge(EMPTY, a) == a
    assert merge(a, EMPTY) == a
    assert merge(a, a).plain() == a.plain()


@given(nodes(), nodes())
def test_merging_is_right_biased(a, b):
    def holds(merged: Node, right: Node) -> bool:
        if not isinstance(right.value, dict):
            return merged.value == right.value
        return all(holds(merged.children()[key], child) for key, child in right.children().items())

    merged = merge(a, b)
    assert holds(merged, b)
    assert merged.children().keys() == a.children().keys() | b.children().keys()


@given(nodes(), nodes())
def test_merging_changes_neither_side(a, b):
    before = (a.plain(), b.plain())
    merge(a, b)
    assert (a.plain(), b.plain()) == before


@given(st.dictionaries(st.sampled_from("abc"), st.text(max_size=10)))
def test_any_printable_text_survives_writing_and_reading(mapping):
    printable = {key: "".join(c for c in text if not 0xD800 <= ord(c) < 0xE000) for key, text in mapping.items()}
    assert read_yaml(dump_yaml(printable), "a.yaml").plain() == printable
