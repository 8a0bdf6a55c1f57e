import json
from pathlib import Path

import pytest
from alignments import alignments, hello
from hypothesis import given
from hypothesis import strategies as st

from toktts.alignment import Alignment
from toktts.alignment.json_file import as_json, read_json, write_json
from toktts.errors import AlignmentError


@given(tiers=st.lists(alignments(step_s=1e-3 / 3), min_size=1, max_size=3))
def test_json_brings_back_every_tier_exactly(tiers: list[Alignment], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "round_trip.json"
    one_sound = tuple(Alignment(tier.spans, 20.0, tier.tier) for tier in tiers)
    write_json(path, one_sound)
    assert read_json(path) == one_sound


def test_json_is_what_the_documentation_says() -> None:
    assert json.loads(as_json([hello()])) == {
        "duration_s": 2.0,
        "tiers": [
            {
                "name": "word",
                "spans": [
                    {"label": "hello", "start_s": 0.25, "end_s": 0.75},
                    {"label": "world", "start_s": 1.0, "end_s": 1.5, "score": -3.0},
                ],
            }
        ],
    }


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"name"', "name", ":4: is not JSON (Expecting property name enclosed in double quotes); write it again"),
        ('"duration_s"', '"seconds"', ": has no field 'duration_s'; write it again"),
        ("2.0", '"2"', " duration_s: must be a number, got '2'; write it again"),
        ("2.0", "1" + "0" * 400, " duration_s: must be a number, got '1000000000"),
        ("2.0", "NaN", " tiers[0]: sound must last 0 s or longer, got nan s"),
        ("1.5", "2.5", " tiers[0] word 1 'world': 1.0 to 2.5 s ends behind the sound of 2.0 s"),
        ('"hello"', "3", " tiers[0].spans[0].label: must be str, got int; write it again"),
        ('"word"', "null", " tiers[0].name: must be str, got NoneType; write it again"),
        ("-3.0", "true", " tiers[0].spans[1].score: must be a number, got 'True'; write it again"),
    ],
)
def test_a_broken_json_file_is_refused_with_its_place(old: str, new: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    text = as_json([hello()])
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(AlignmentError) as caught:
        read_json(path)
    assert str(caught.value).removeprefix(str(path)).startswith(message)


@pytest.mark.parametrize("text", ["[]", "3", "null", '{"duration_s": 1, "tiers": {}}', "[" * 100_000, "1" * 5000])
def test_json_of_something_else_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(AlignmentError, match="write it again"):
        read_json(path)


def test_tiers_of_two_sounds_cannot_share_a_file() -> None:
    with pytest.raises(AlignmentError, match=r"tiers must be of one sound, got 1.0 s and 2.0 s; give those of one"):
        as_json([hello(), Alignment((), 1.0)])
    with pytest.raises(AlignmentError, match="tiers must be of one sound, got none"):
        as_json([])
