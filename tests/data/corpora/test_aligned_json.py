import json
import logging
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from toktts.data.corpora.aligned_json import AlignedJson, write_aligned
from toktts.data.splits import split_first
from toktts.errors import CorpusError

FACTS = "speaker: nobody\nlanguage: en\nlicence: CC0-1.0\nconsent: made by a formula\n"
PHONES = [("pau", 0, 70), ("HH", 70, 120), ("AY1", 190, 100)]  # frames 6, 10 and 9: 25


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "corpus.yaml").write_text(FACTS, encoding="utf-8")
    return tmp_path


def write(folder: Path, id_: str, n_frames: int = 25) -> None:
    write_aligned(folder / f"{id_}.json", "Hi!", PHONES)
    np.save(folder / f"{id_}.mel.npy", np.full((80, n_frames), -5.0, np.float32))


def test_durations_are_contiguous_and_add_up_to_the_frames_of_the_mel(folder: Path) -> None:
    write(folder, "a-1")
    (row,) = AlignedJson(folder)
    assert (row.id, row.text, row.audio) == ("a-1", "Hi!", folder / "a-1.mel.npy")
    assert row.phones is not None
    assert row.phones.labels == ("pau", "HH", "AY1")
    assert row.phones.durations(frame_rate=22050 / 256) == [6, 10, 9]
    edges = [(span.start_s, span.end_s) for span in row.phones]
    assert all(before[1] == after[0] for before, after in pairwise(edges))


@pytest.mark.parametrize(("n_frames", "durations"), [(24, [6, 10, 8]), (26, [6, 10, 10])])
def test_one_frame_too_many_or_too_few_is_mended_and_reported(
    folder: Path, n_frames: int, durations: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    write(folder, "a-1", n_frames)
    write(folder, "a-2")
    with caplog.at_level(logging.WARNING):
        corpus = AlignedJson(folder)
    row = next(iter(corpus))
    assert row.phones is not None
    assert row.phones.durations(frame_rate=22050 / 256) == durations
    assert corpus.mended == ["a-1"]
    assert "1 of 2 clips: the last phoneme was a frame off the end of the mel" in caplog.text


def test_more_than_one_frame_is_no_rounding(folder: Path) -> None:
    write(folder, "a-1", 27)
    write(folder, "a-2")
    corpus = AlignedJson(folder)
    assert [row.id for row in corpus] == ["a-2"]
    reason = "phonemes last 25 frames, the sound 27; align this sound again or leave it out"
    assert [fault.reason for fault in corpus.rejected] == [reason]


def test_sound_is_taken_where_it_is_there(tmp_path: Path) -> None:
    corpus = AlignedJson.tiny(tmp_path)
    np.save(tmp_path / "clip-0.mel.npy", np.zeros((80, 3), np.float32))
    row = next(iter(AlignedJson(tmp_path)))
    assert row == next(iter(corpus))
    assert row.audio == tmp_path / "clip-0.wav"
    assert row.phones is not None
    assert [(span.start_s, span.end_s) for span in row.phones] == [(0.0, 0.1), (0.1, 0.25), (0.25, 0.75), (0.75, 1.0)]


def test_a_late_first_phoneme_gets_a_pause_before_it(folder: Path) -> None:
    write_aligned(folder / "a-1.json", "Hi!", [("HH", 70, 120), ("AY1", 190, 100)])
    np.save(folder / "a-1.mel.npy", np.full((80, 25), -5.0, np.float32))
    (row,) = AlignedJson(folder)
    assert row.phones is not None
    assert row.phones.labels == ("pau", "HH", "AY1")
    assert row.phones.durations(frame_rate=22050 / 256) == [6, 10, 9]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "has no record 'utterance'; it was not aligned, leave it out"),
        ('{"text": "hi"}', "has no record 'utterance'; it was not aligned, leave it out"),
        ('{"utterance": {"words": []}}', "has no 'text'; write what is said"),
        ('{"text": "...", "utterance": {"words": []}}', "has no letter or digit in its text; write what is said"),
        ('{"text": "hi", "utterance": {"words": []}}', "has no phonemes; align it again or leave it out"),
        ('{"text": "hi", "utterance": {"words": [{}]}}', "has no words with phones, each with 'phone', 'onset' and"),
        ('{"text": "hi", "utterance": {"words": 3}}', "has no words with phones, each with 'phone', 'onset' and"),
    ],
)
def test_a_broken_file_is_left_out_and_reported(folder: Path, content: str, reason: str) -> None:
    write(folder, "a-1")
    (folder / "b-1.json").write_text(content, encoding="utf-8")
    corpus = AlignedJson(folder)
    assert [row.id for row in corpus] == ["a-1"]
    (fault,) = corpus.rejected
    assert (fault.id, fault.file) == ("b-1", str(folder / "b-1.json"))
    assert fault.reason.startswith(reason)


@pytest.mark.parametrize(
    ("phones", "reason"),
    [
        ([("HH", 0, 50), ("AY1", -1, 50)], "'AY1' has the time -1, not milliseconds from 0 on; align it again"),
        ([("HH", 0, "x")], "'HH' has the time 'x', not milliseconds from 0 on; align it again"),
        ([("", 0, 50)], "phone '' is no symbol; align it again"),
        (
            [("HH", 0, 50), ("AY1", 80, 5), ("T", 60, 9)],
            "begins at 60 ms, before 80 ms, where the one before it begins",
        ),
    ],
)
def test_times_that_cannot_be_are_left_out_and_reported(
    folder: Path, phones: list[tuple[str, float, float]], reason: str
) -> None:
    write(folder, "a-1")
    write(folder, "b-1")
    write_aligned(folder / "b-1.json", "Hi!", phones)
    (fault,) = AlignedJson(folder).rejected
    assert fault.reason.startswith(reason)


def test_a_clip_without_mel_and_sound_is_reported(folder: Path) -> None:
    write(folder, "a-1")
    write_aligned(folder / "b-1.json", "Hi!", PHONES)
    (fault,) = AlignedJson(folder).rejected
    assert fault.reason == "is missing, and b-1.wav too; copy one of them there"


@pytest.mark.parametrize("array", [np.zeros(3), np.zeros((80, 0)), np.zeros((80, 25), int), np.array([None, "x"])])
def test_a_mel_file_of_another_kind_is_reported_and_never_unpickled(folder: Path, array: np.ndarray) -> None:
    write(folder, "a-1")
    np.save(folder / "a-1.mel.npy", array, allow_pickle=True)
    (fault,) = AlignedJson(folder).rejected
    assert fault.reason.startswith(("holds ", "cannot be read as a NumPy array"))


def test_a_folder_without_json_is_refused(folder: Path) -> None:
    with pytest.raises(CorpusError, match="holds no ID.json; name the folder with the files of the corpus"):
        AlignedJson(folder)


def test_the_first_clips_by_name_are_for_validation() -> None:
    ids = [f"LJ001-{number:04d}" for number in range(300, 0, -1)]
    training, validation = split_first(ids, n_validation=100)
    assert validation == [f"LJ001-{number:04d}" for number in range(1, 101)]
    assert training == [f"LJ001-{number:04d}" for number in range(101, 301)]


@pytest.mark.parametrize(
    ("ids", "message"),
    [(["a", "b"], "has 2 usable clips, 2 are for validation; ask for fewer"), (["a", "a", "b"], "a: occurs twice;")],
)
def test_a_split_by_name_that_cannot_be_is_refused(ids: list[str], message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        split_first(ids, n_validation=2)


def test_a_written_file_has_the_published_form(tmp_path: Path) -> None:
    write_aligned(tmp_path / "x.json", "Hi!", PHONES[:1])
    assert json.loads((tmp_path / "x.json").read_text(encoding="utf-8")) == {
        "ID": "x",
        "text": "Hi!",
        "utterance": {"words": [{"word": "Hi!", "phones": [{"phone": "pau", "onset": 0, "duration": 70}]}]},
    }
