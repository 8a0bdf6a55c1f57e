import shutil
from pathlib import Path

import pytest

from toktts.alignment import Alignment
from toktts.alignment.textgrid import write_textgrid
from toktts.data.corpora.textgrid import TextGrid
from toktts.errors import CorpusError

SHORT = """File type = "ooTextFile"
Object class = "TextGrid"

0
1
<exists>
2
"IntervalTier"
"words"
0
1
2
0
0.5
"hi"
0.5
1
""
"IntervalTier"
"phones"
0
1
4
0
0.1
"sil"
0.1
0.2
"HH"
0.2
0.5
"AY1"
0.5
1
""
"""


def test_clips_of_all_speakers_are_read_with_their_phones(tmp_path: Path) -> None:
    corpus = TextGrid.tiny(tmp_path)
    assert [(row.id, row.speaker, row.text) for row in corpus] == [
        ("anna-clip-0", "anna", "hi, ho"),
        ("anna-clip-1", "anna", "hi, ho"),
        ("bert-clip-2", "bert", "hi, ho"),
        ("bert-clip-3", "bert", "hi, ho"),
    ]
    first = next(iter(corpus)).phones
    assert first is not None
    assert first.labels == ("HH", "AY1", "sp", "HH", "OW1")
    assert [(span.start_s, span.end_s) for span in first][:2] == [(0.04, 0.2), (0.2, 0.4)]


def test_the_short_form_beside_the_sound_is_read_too(tmp_path: Path) -> None:
    TextGrid.tiny(tmp_path)
    (tmp_path / "anna" / "clip-0.TextGrid").write_text(SHORT, encoding="utf-8")
    phones = next(iter(TextGrid(tmp_path))).phones
    assert phones is not None
    assert [(span.label, span.start_s, span.end_s) for span in phones] == [("HH", 0.1, 0.2), ("AY1", 0.2, 0.5)]


def test_a_missing_partner_is_reported_by_name(tmp_path: Path) -> None:
    TextGrid.tiny(tmp_path)
    (tmp_path / "anna" / "clip-0.lab").unlink()
    (tmp_path / "bert" / "clip-2.wav").unlink()
    (tmp_path / "bert" / "TextGrid" / "clip-3.TextGrid").unlink()
    corpus = TextGrid(tmp_path)
    assert [row.id for row in corpus] == ["anna-clip-1"]
    assert [(fault.id, Path(str(fault.file)).name, fault.reason) for fault in corpus.rejected] == [
        ("anna-clip-0", "clip-0.wav", "has no clip-0.lab beside it; write what is said there"),
        ("bert-clip-2", "clip-2.lab", "has no clip-2.wav beside it; copy the sound there"),
        ("bert-clip-3", "clip-3.TextGrid", "is missing; write it with toktts align-dataset"),
    ]


def test_files_that_cannot_be_used_are_left_out_with_the_reason(tmp_path: Path) -> None:
    TextGrid.tiny(tmp_path)
    grids = tmp_path / "anna" / "TextGrid"
    (grids / "clip-0.TextGrid").write_text("File type", encoding="utf-8")
    words = Alignment.from_durations(["hi"], [10], frame_rate=10.0, tier="words")
    write_textgrid(grids / "clip-1.TextGrid", [words])
    (tmp_path / "bert" / "clip-2.lab").write_text(" ... ", encoding="utf-8")
    reasons = [fault.reason for fault in TextGrid(tmp_path).rejected]
    assert reasons[0].startswith("is no TextGrid")
    assert reasons[1].startswith("no tier named 'phones' or")
    assert reasons[2].startswith("has no letter or digit in its text")


def test_a_name_that_begins_with_its_speaker_is_the_id(tmp_path: Path) -> None:
    TextGrid.tiny(tmp_path)
    shutil.copytree(tmp_path / "anna", tmp_path / "clip")
    assert [row.id for row in TextGrid(tmp_path)][-2:] == ["clip-0", "clip-1"]


def test_two_clips_with_one_id_are_refused(tmp_path: Path) -> None:
    TextGrid.tiny(tmp_path)
    shutil.copytree(tmp_path / "anna", tmp_path / "a")
    for place, name in ((tmp_path / "a", "b-c"), (tmp_path / "a-b", "a-b-c")):
        place.mkdir(exist_ok=True)
        shutil.copy(tmp_path / "anna" / "clip-0.wav", place / f"{name}.wav")
        shutil.copy(tmp_path / "anna" / "clip-0.lab", place / f"{name}.lab")
    with pytest.raises(CorpusError, match=r"a-b-c\.wav: has the same id as .*b-c\.wav; rename one"):
        TextGrid(tmp_path)


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda folder: (folder / "corpus.yaml").unlink(), "corpus.yaml language: no language; write 'language:"),
        (lambda folder: [shutil.rmtree(folder / name) for name in ("anna", "bert")], "holds no {speaker}/NAME.wav"),
        (lambda folder: (folder / "anna" / "clip-0.lab").write_bytes(b"\xff"), "clip-0.lab: byte 0 is not UTF-8"),
    ],
)
def test_a_folder_that_cannot_be_used_is_refused(tmp_path: Path, prepare: object, message: str) -> None:
    TextGrid.tiny(tmp_path)
    prepare(tmp_path)  # type: ignore[operator]
    with pytest.raises(CorpusError, match=message):
        TextGrid(tmp_path)
