from dataclasses import replace
from pathlib import Path

import pytest
from step_folders import Some, demo_rows

from toktts.audio import Waveform
from toktts.data.corpora.textgrid import TextGrid
from toktts.data.steps.prepare import prepare_dataset
from toktts.errors import CorpusError
from toktts.text.basic import BasicNormalizer

ROWS = demo_rows(2)


def prepare(rows: list, folder: Path, **wishes: float):
    return prepare_dataset(Some(rows), folder, normalizer=BasicNormalizer(), **wishes)  # type: ignore[arg-type]


def test_every_clip_becomes_sound_at_full_scale_and_its_words(tmp_path: Path) -> None:
    rows = [replace(ROWS[0], text="Dr. No has 3 cats!"), ROWS[1]]
    report = prepare(rows, tmp_path / "out")
    assert (report.done, report.kept, report.rejected) == (2, 0, [])
    place = tmp_path / "out" / "anna"
    assert (place / f"{rows[0].id}.lab").read_text(encoding="utf-8") == "Doctor No has three cats!\n"
    sound = Waveform.load(place / f"{rows[1].id}.wav")
    assert sound.sampling_rate == 22050
    assert float(sound.samples.abs().max()) == pytest.approx(1.0, abs=1e-4)
    corpus = TextGrid(tmp_path / "out")
    assert [fault.reason for fault in corpus.rejected] == ["is missing; write it with toktts align-dataset"] * 2
    assert f'licence: "{rows[0].licence}"' in (tmp_path / "out" / "corpus.yaml").read_text(encoding="utf-8")


def test_a_second_run_writes_only_what_is_missing_or_changed(tmp_path: Path) -> None:
    prepare(ROWS, tmp_path)
    first, second = (tmp_path / "anna" / f"{row.id}.wav" for row in ROWS)
    times = first.stat().st_mtime_ns
    second.unlink()
    report = prepare(ROWS, tmp_path)
    assert (report.done, report.kept) == (1, 1)
    assert second.is_file()
    assert first.stat().st_mtime_ns == times
    report = prepare([replace(ROWS[0], text="something else"), ROWS[1]], tmp_path)
    assert (report.done, report.kept) == (1, 1)
    assert report.line(tmp_path) == "prepare: 1 done, 1 kept"


def test_what_cannot_be_read_is_left_out_by_name(tmp_path: Path) -> None:
    rows = [ROWS[0], replace(ROWS[1], audio=b"<html>")]
    report = prepare(rows, tmp_path, max_rejected_fraction=0.5)
    assert [fault.id for fault in report.rejected] == [ROWS[1].id]
    assert (tmp_path / "rejected-prepare.jsonl").read_text(encoding="utf-8").count("looks like HTML") == 1
    assert report.line(tmp_path).startswith("prepare: 1 done, 0 kept, 1 left out (")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"licence": "other"}, "licence is 'other', of the clips before .*; prepare them as two data sets"),
        ({"speaker": "../anna"}, "speaker '../anna' cannot name a folder; use letters"),
        ({"audio": b"<html>"}, "rejected"),
    ],
)
def test_a_corpus_that_cannot_be_prepared_is_refused_in_one_line(
    tmp_path: Path, changed: dict[str, object], message: str
) -> None:
    with pytest.raises(CorpusError, match=message):
        prepare([ROWS[0], replace(ROWS[1], **changed)], tmp_path)  # type: ignore[arg-type]


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("", encoding="utf-8")
    with pytest.raises(CorpusError, match="out: cannot be written .*; choose another place"):
        prepare(ROWS, tmp_path / "out")
