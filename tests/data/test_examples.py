"""Cached rows become examples; what a model cannot use is left out with a reason."""

import datasets
import pytest

from toktts.data.examples import make_examples
from toktts.evaluation.corpus.texts import TextReader, pace_findings
from toktts.text.basic import BasicNormalizer
from toktts.tokens import build_tokenizer


def rows(*texts_and_frames):
    table = [
        {"id": f"c{index}", "text": text, "copy": 0, "codes": [[1] * n_frames, [2] * n_frames]}
        for index, (text, n_frames) in enumerate(texts_and_frames)
    ]
    return datasets.Dataset.from_list(table)


def examples(*texts_and_frames, text_limit=50, frames_per_id=1, frame_rate=None):
    return make_examples(
        rows(*texts_and_frames),
        normalizer=BasicNormalizer(),
        tokenizer=build_tokenizer("characters"),
        text_limit=text_limit,
        frames_per_id=frames_per_id,
        frame_rate=frame_rate,
    )


def test_a_text_that_cannot_be_what_is_said_is_left_out_unless_clips_were_cut():
    clips = (("yes", 1500), ("hello there friend", 13), ("hello there friend", 150))
    made = examples(*clips, frames_per_id=0, frame_rate=75.0)
    assert [row.reason.partition(";")[0] for row in made.rejected] == [
        "has 3 characters for 20.0 s (0.1 a second, expected 1 to 50)",
        "has 18 characters for 0.2 s (103.8 a second, expected 1 to 50)",
    ]
    assert examples(*clips, frames_per_id=0, frame_rate=None).rejected == []


def test_the_pace_is_that_of_the_text_as_it_is_read_as_in_the_check_of_a_corpus():
    texts = ("777 777", "OK", "1999", "..................... no, no")
    durations_s = (0.4, 1.9, 0.2, 1.0)
    clips = [(text, round(75 * seconds)) for text, seconds in zip(texts, durations_s, strict=True)]
    made = examples(*clips, frames_per_id=0, text_limit=500, frame_rate=75.0)
    read = TextReader(BasicNormalizer(), build_tokenizer("characters"))
    found = pace_findings(
        {f"c{index}": read(text, language="de") for index, text in enumerate(texts)},
        {f"c{index}": (seconds, seconds) for index, seconds in enumerate(durations_s)},
    )
    assert {row.id: row.reason.partition(";")[0] for row in made.rejected} == {one.id: one.detail for one in found}
    assert [row.id for row in made.rejected] == ["c0", "c2"]


def test_text_is_normalised_before_it_becomes_ids():
    kept = examples(("I have 2.", 40)).rows
    assert build_tokenizer("characters").decode(kept[0]["input_ids"], skip_special_tokens=True) == "i have two."


@pytest.mark.parametrize(
    ("text", "n_frames", "reason"),
    [
        ("привет", 40, "поддерж|п"),
        ("...", 40, "nothing to speak"),
        ("a" * 60, 100, "61 ids, the model reads 50"),
        ("hello there", 11, "11 frames are too few for 12 text ids"),
    ],
)
def test_what_a_model_cannot_use_is_left_out_with_a_reason(text, n_frames, reason):
    made = examples(("good", 40), (text, n_frames))
    assert made.rows["id"][:] == ["c0"]
    assert [row.id for row in made.rejected] == ["c1"]
    assert any(part in made.rejected[0].reason for part in reason.split("|"))


def test_families_that_do_not_align_take_short_sound_too():
    assert len(examples(("hello there", 3), frames_per_id=0).rows) == 1


def test_copies_are_given_to_training_alone():
    table = [{"id": "a", "text": "yes", "copy": copy, "codes": [[1] * 9] * 2} for copy in range(3)]
    made = make_examples(
        datasets.Dataset.from_list(table),
        normalizer=BasicNormalizer(),
        tokenizer=build_tokenizer("characters"),
        text_limit=50,
        frames_per_id=1,
        frame_rate=None,
    )
    assert made.of(["a"], with_copies=True)["copy"][:] == [0, 1, 2]
    assert made.of(["a"], with_copies=False)["copy"][:] == [0]
    assert len(made.of(["b"], with_copies=True)) == 0
