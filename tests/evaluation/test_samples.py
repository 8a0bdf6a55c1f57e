from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_run import save_run

from toktts.alignment.json_file import read_json
from toktts.audio import Waveform
from toktts.errors import CorpusError, RunFolderError, TextError
from toktts.evaluation.samples import (
    Example,
    read_texts,
    write_dataset_samples,
    write_demo_samples,
    write_texts,
)
from toktts.evaluation.samples.writing import audible
from toktts.inference import Speech, TokttsPipeline, pipeline
from toktts.models.tokflat import TokflatModel
from toktts.tokens import build_tokenizer


@pytest.fixture(scope="module")
def pipe(tmp_path_factory: pytest.TempPathFactory) -> TokttsPipeline:
    return pipeline(save_run(tmp_path_factory.mktemp("runs") / "tiny"))


def example(pipe: TokttsPipeline, id_: str, text: str = "hello", n_frames: int = 5) -> Example:
    codes = torch.full((pipe.model.config.n_codebooks, n_frames), 3, dtype=torch.int16)
    return Example(id=id_, text=text, codes=codes, recording=Waveform(torch.full((n_frames * 320,), 0.1), 24000))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def texts_file(tmp_path: Path, content: str) -> Path:
    path = tmp_path / "texts.txt"
    path.write_text(content, encoding="utf-8")
    return path


def test_each_text_becomes_a_sound_with_its_text_beside_it(pipe: TokttsPipeline, tmp_path: Path) -> None:
    texts = [("b", "hello friend"), ("a", "no")]
    written = write_texts(texts, tmp_path / "x" / "out", pipe=pipe)
    assert written == [tmp_path / "x" / "out" / "b.wav", tmp_path / "x" / "out" / "a.wav"]
    assert names(tmp_path / "x" / "out") == ["a.json", "a.txt", "a.wav", "b.json", "b.txt", "b.wav"]
    assert (tmp_path / "x" / "out" / "b.txt").read_text(encoding="utf-8") == "hello friend\n"
    sound = Waveform.load(written[0])
    assert sound.sampling_rate == 24000
    assert sound.samples.shape[1] == len(pipe("hello friend", seed=0)["audio"])


def test_what_is_said_when_stands_beside_and_an_old_one_does_not_stay(pipe: TokttsPipeline, tmp_path: Path) -> None:
    write_texts([("a", "hello friend")], tmp_path, pipe=pipe)
    words, characters = read_json(tmp_path / "a.json")
    assert words.labels == ("hello", "friend")
    assert "".join(characters.labels) == "hellofriend"
    assert words.duration_s == pytest.approx(Waveform.load(tmp_path / "a.wav").duration_s)
    untimed = TokttsPipeline(
        model=TokflatModel.tiny(), tokenizer=build_tokenizer("bytes"), normalizer=pipe.normalizer, task="text-to-audio"
    )
    write_texts([("a", "hi")], tmp_path, pipe=untimed)
    assert names(tmp_path) == ["a.txt", "a.wav"]


def test_the_same_seed_writes_the_same_bytes_whatever_is_beside(pipe: TokttsPipeline, tmp_path: Path) -> None:
    (alone,) = write_texts([("a", "hello")], tmp_path / "one", pipe=pipe, seed=3)
    again = write_texts([("z", "i am happy you are here"), ("a", "hello")], tmp_path / "two", pipe=pipe, seed=3)[1]
    assert alone.read_bytes() == again.read_bytes()


def test_nothing_is_written_if_one_text_cannot_be_spoken(pipe: TokttsPipeline, tmp_path: Path) -> None:
    with pytest.raises(TextError, match="^b: text is empty; write at least one word"):
        write_texts([("a", "fine"), ("b", "")], tmp_path / "out", pipe=pipe)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("id_", ["../x", "/etc/passwd", "a/b", "a\\b", "..", "", "CON", "a" * 300, "a ", "a\0"])
def test_unsafe_ids_write_nothing(pipe: TokttsPipeline, tmp_path: Path, id_: str) -> None:
    with pytest.raises(CorpusError, match="is not safe as a file name"):
        write_texts([(id_, "hello")], tmp_path / "out", pipe=pipe)
    assert not list(tmp_path.iterdir())


def test_a_file_in_the_way_is_named(pipe: TokttsPipeline, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine", encoding="utf-8")
    with pytest.raises(RunFolderError, match=r"out: cannot be made \(File exists\); choose another folder"):
        write_texts([("a", "hello")], tmp_path / "out", pipe=pipe)


def test_no_sound_is_one_silent_frame_and_a_warning(pipe: TokttsPipeline, caplog: pytest.LogCaptureFixture) -> None:
    speech = Speech(audio=torch.zeros(0).numpy(), sampling_rate=24000, stop_reason="empty")
    assert audible(speech, "a", pipe).samples.shape == (1, 320)
    assert "a: the model made no sound" in caplog.text


def test_lines_of_texts_are_read_with_marks_of_other_systems(tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_bytes(b"\xef\xbb\xbfb|hello\r\na-1|one | two\r\n\n")
    assert read_texts(path, check=lambda _: None) == [("b", "hello"), ("a-1", "one | two")]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.from_regex(r"[a-z0-9]{1,9}", fullmatch=True), st.from_regex(r"[a-z |é]+", fullmatch=True), min_size=1
    )
)
def test_any_lines_are_read_back(tmp_path: Path, texts: dict[str, str]) -> None:
    path = texts_file(tmp_path, "\n".join(f"{id_}|{text}" for id_, text in texts.items()))
    assert read_texts(path, check=lambda _: None) == list(texts.items())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a|hello\nhello\n", r"texts\.txt:2: has no '\|'; write id\|text"),
        ("a|hello\n../b|hello\n", r"texts\.txt:2: id '\.\./b' is not safe as a file name"),
        ("a|hello\nb|no\nA|hello\n", r"texts\.txt:3: id 'A' is in line 1 already; give each its own"),
        ("a|hello\nb| \n", r"texts\.txt:2: text is empty; write at least one word"),
        ("a|\n", r"texts\.txt:1: text is empty"),
        ("", r"texts\.txt: is empty"),
    ],
)
def test_a_bad_line_is_named_with_its_number(pipe: TokttsPipeline, tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises((CorpusError, TextError), match=message):
        read_texts(texts_file(tmp_path, content), check=pipe.sentences)


def test_bytes_that_are_not_utf8_are_named(tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_bytes(b"a|hello\nb|caf\xe9\n")
    with pytest.raises(CorpusError, match=r"texts\.txt:2: byte 0xe9 at column 6 is not UTF-8"):
        read_texts(path, check=lambda _: None)


def test_both_splits_are_spoken_beside_their_codes_and_recordings(pipe: TokttsPipeline, tmp_path: Path) -> None:
    train, validation = [example(pipe, "a"), example(pipe, "b", "no")], [Example(id="c", text="yes")]
    written = write_dataset_samples(tmp_path, train=train, validation=validation, pipe=pipe)
    assert [path.relative_to(tmp_path).as_posix() for path in written] == [
        "train/a.wav",
        "train/b.wav",
        "validation/c.wav",
    ]
    assert names(tmp_path / "train") == sorted(
        f"{id_}{ending}" for id_ in "ab" for ending in (".txt", ".json", ".wav", "_ref.wav", "_real.wav")
    )
    assert names(tmp_path / "validation") == ["c.json", "c.txt", "c.wav"]
    codes = train[0].codes.long()[None]
    reference = Waveform.load(tmp_path / "train" / "a_ref.wav")
    assert reference.sampling_rate == 24000
    torch.testing.assert_close(reference.samples, pipe.model.codec.decode(codes).samples, rtol=0, atol=1e-4)


def test_ids_whose_files_would_collide_are_refused(pipe: TokttsPipeline, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="a: collides with the sample a_ref; rename it"):
        write_dataset_samples(tmp_path, train=[example(pipe, "a"), example(pipe, "a_ref")], validation=[], pipe=pipe)


def test_demo_samples_are_numbered_and_old_numbers_go(pipe: TokttsPipeline, tmp_path: Path) -> None:
    seen = [example(pipe, id_, text) for id_, text in (("x", "hello"), ("y", "no"))]
    unseen = [Example(id="u", text="yes")]
    (tmp_path / "samples" / "seen").mkdir(parents=True)
    for old in ("03.wav", "03.txt", "03.json"):
        (tmp_path / "samples" / "seen" / old).write_bytes(b"old")
    (tmp_path / "samples" / "seen" / "notes.txt").write_bytes(b"mine")
    written = write_demo_samples(tmp_path, seen=seen, unseen=unseen, pipe=pipe)
    samples = tmp_path / "samples"
    assert [path.relative_to(samples).as_posix() for path in written] == ["seen/01.wav", "seen/02.wav", "unseen/01.wav"]
    numbered = ["01.txt", "01.wav", "02.txt", "02.wav"]
    assert names(samples / "seen") == sorted([*numbered, "01.json", "02.json", "notes.txt"])
    assert names(samples / "unseen") == ["01.json", *numbered[:2]]
    assert names(samples / "reference") == names(samples / "codec") == numbered
    assert (samples / "reference" / "02.txt").read_text(encoding="utf-8") == "no\n"
    assert Waveform.load(samples / "reference" / "01.wav").samples.shape[1] == 5 * 320
