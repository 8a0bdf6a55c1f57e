"""The embedded corpus keeps its promises, and the script that spoke it can do it again."""

import hashlib
import importlib.machinery
import importlib.util
import io
import json
import re
import sys
import zlib
from collections import Counter
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from toktts.data.corpora import demo
from toktts.data.corpora._base import Utterance
from toktts.data.corpora.demo import ASSETS, DEMO_FILE, DEMO_SHA256, Demo, unseen_sentences
from toktts.errors import CorpusError

PHONEMES = "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH"
ARPABET = set(PHONEMES.split())
SPOKEN_CHARACTERS = re.compile(r"[A-Za-z ,.?!'-]+")


@pytest.fixture(scope="session")
def rows() -> list[Utterance]:
    return list(Demo())


@pytest.fixture(scope="session")
def facts() -> dict[str, str]:
    """What the file says of itself."""
    stored = pq.ParquetFile(DEMO_FILE).metadata.metadata
    return {key.decode(): value.decode() for key, value in stored.items()}


@pytest.fixture(scope="session")
def script(root: Path) -> ModuleType:
    """`scripts/make_demo_corpus`, imported."""
    loader = importlib.machinery.SourceFileLoader("make_demo_corpus", str(root / "scripts" / "make_demo_corpus"))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[loader.name] = module
    loader.exec_module(module)
    return module


def normal(text: str) -> str:
    return " ".join(re.findall(r"[a-z']+", text.casefold()))


# The sentences.


def test_a_sentence_has_1_to_12_words_of_letters_and_plain_punctuation(rows: list[Utterance]):
    texts = [row.text for row in rows] + [text for _, text in unseen_sentences()]
    odd = [text for text in texts if not 1 <= len(text.split()) <= 12 or not SPOKEN_CHARACTERS.fullmatch(text)]
    assert not odd


def test_every_sentence_starts_with_a_capital_and_ends_with_a_mark(rows: list[Utterance]):
    texts = [row.text for row in rows] + [text for _, text in unseen_sentences()]
    assert [text for text in texts if not text[0].isupper() or text[-1] not in ".?!" or "  " in text] == []


def test_no_sentence_comes_twice_in_corpus_and_unseen_together(rows: list[Utterance]):
    texts = [normal(row.text) for row in rows] + [normal(text) for _, text in unseen_sentences()]
    assert [text for text, count in Counter(texts).items() if count > 1] == []


def test_no_two_sentences_share_most_of_their_words(rows: list[Utterance]):
    texts = [row.text for row in rows] + [text for _, text in unseen_sentences()]
    words = [set(normal(text).split()) for text in texts]
    close = [
        (texts[i], texts[j])
        for i in range(len(words))
        for j in range(i)
        if len(words[i] & words[j]) > 0.5 * len(words[i] | words[j])
    ]
    assert close == []


def test_about_one_sentence_in_seven_is_very_short(rows: list[Utterance]):
    assert 0.12 < np.mean([len(row.text.split()) <= 3 for row in rows]) < 0.2


def test_there_are_at_least_600_sentences_with_running_ids(rows: list[Utterance]):
    assert len(rows) == len(Demo()) >= 600
    assert [row.id for row in rows] == [f"demo-{number:04d}" for number in range(1, len(rows) + 1)]


def test_there_are_40_unseen_sentences_with_running_ids():
    assert [clip_id for clip_id, _ in unseen_sentences()] == [f"unseen-{number:02d}" for number in range(1, 41)]
    assert all(3 <= len(text.split()) <= 10 for _, text in unseen_sentences())


def test_the_text_file_holds_what_the_parquet_file_says(rows: list[Utterance], facts: dict[str, str]):
    source = (ASSETS / "sentences.txt").read_bytes()
    assert source.decode().splitlines() == [f"{row.id}|{row.text}" for row in rows]
    assert hashlib.sha256(source).hexdigest() == facts["sentences_sha256"]


def test_all_39_phonemes_come_at_least_40_times(facts: dict[str, str]):
    counts = json.loads(facts["phonemes"])
    assert set(counts) == ARPABET
    assert min(counts.values()) >= 40


# The sound.


def test_every_clip_has_a_plausible_length(rows: list[Utterance], facts: dict[str, str]):
    clips = [soundfile.info(io.BytesIO(row.audio)) for row in rows]
    assert {(clip.samplerate, clip.channels) for clip in clips} == {(int(facts["sampling_rate"]), 1)}
    for row, clip in zip(rows, clips, strict=True):
        assert 0.3 < clip.duration < 8, row.id
        assert 4 < len(row.text) / clip.duration < 30, row.id  # characters a second
    assert sum(clip.frames for clip in clips) == int(facts["n_samples"])


@pytest.mark.parametrize("step", [pytest.param(16, marks=pytest.mark.medium), pytest.param(1, marks=pytest.mark.slow)])
def test_clips_decode_to_the_length_they_claim(rows: list[Utterance], step: int):
    for row in rows[::step]:
        samples, _ = soundfile.read(io.BytesIO(row.audio), dtype="float32")
        assert samples.shape == (soundfile.info(io.BytesIO(row.audio)).frames,), row.id
        assert 0.05 < np.abs(samples).max() < 1, row.id


def test_there_is_about_half_an_hour(facts: dict[str, str]):
    assert 28 < int(facts["n_samples"]) / 24000 / 60 < 34


def test_the_file_is_small_and_has_its_hash():
    assert DEMO_FILE.stat().st_size <= 8 * 2**20
    assert hashlib.sha256(DEMO_FILE.read_bytes()).hexdigest() == DEMO_SHA256


def test_the_file_says_how_it_was_made(facts: dict[str, str]):
    made = {key: facts[key] for key in ("generator", "generator_version", "voice", "seed")}
    assert made == {"generator": "hibari-tts", "generator_version": "0.2.1", "voice": "heart", "seed": "0"}


def test_the_card_gives_the_true_numbers(rows: list[Utterance], facts: dict[str, str]):
    card = (ASSETS / "CARD.md").read_text(encoding="utf-8")
    phonemes = sorted(json.loads(facts["phonemes"]).items(), key=lambda item: -item[1])
    for claim in (
        f"{len(rows)} sentences, {int(facts['n_samples']) / 24000 / 60:.2f} minutes",
        f"{sum(len(row.text.split()) for row in rows):,} words",
        f"{DEMO_FILE.stat().st_size:,} bytes",
        DEMO_SHA256,
        facts["sentences_sha256"],
        ", ".join(f"{name} {count}" for name, count in phonemes),
    ):
        assert claim in card


# The reader.


def test_a_tiny_corpus_is_the_first_eight_rows(rows: list[Utterance], tmp_path: Path):
    assert list(Demo.tiny(tmp_path)) == rows[:8]


def test_a_damaged_file_is_refused_with_both_hashes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    damaged = tmp_path / "demo.parquet"
    damaged.write_bytes(DEMO_FILE.read_bytes()[:-1])
    monkeypatch.setattr(demo, "DEMO_FILE", damaged)
    with pytest.raises(CorpusError, match=r"is damaged: sha256 [0-9a-f]{12}, expected 46ef7b293c4b; reinstall toktts"):
        Demo()


def test_a_missing_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(demo, "DEMO_FILE", tmp_path / "demo.parquet")
    with pytest.raises(CorpusError, match=r"cannot be read \(No such file or directory\); reinstall toktts"):
        Demo()


def changed(path: Path, **columns: list[object]) -> Path:
    """The first two rows with some columns replaced, or left out where the list is empty."""
    table = pq.ParquetFile(DEMO_FILE).read_row_group(0).slice(0, 2)
    for name, values in columns.items():
        table = table.drop_columns([name])
        table = table.append_column(name, pa.array(values)) if values else table
    pq.write_table(table, path)
    return path


def test_a_file_without_a_column_is_refused(tmp_path: Path):
    with pytest.raises(CorpusError, match="has no column 'licence'; write it with scripts/make_demo_corpus"):
        Demo(changed(tmp_path / "a.parquet", licence=[]))


def test_an_unsafe_id_is_refused(tmp_path: Path):
    with pytest.raises(CorpusError, match=r"id '\.\./a' is not safe as a file name"):
        Demo(changed(tmp_path / "a.parquet", id=["../a", "b"]))


def test_a_repeated_id_is_refused(tmp_path: Path):
    with pytest.raises(CorpusError, match="id 'a' is in line 1 already"):
        Demo(changed(tmp_path / "a.parquet", id=["a", "a"]))


def test_a_row_without_text_is_left_out_and_reported(tmp_path: Path):
    corpus = Demo(changed(tmp_path / "a.parquet", text=["...", "Thank you."]))
    assert [row.id for row in corpus] == [fault.id for fault in Demo(corpus.path)] == ["demo-0002"]
    assert [fault.id for fault in corpus.rejected] == ["demo-0001"]
    assert len(corpus) == 1


def test_audio_that_is_no_bytes_is_refused(tmp_path: Path):
    with pytest.raises(CorpusError, match="demo-0001: audio must be bytes; write it with"):
        list(Demo(changed(tmp_path / "a.parquet", audio=["a.wav", "b.wav"])))


def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path):
    (tmp_path / "a.parquet").write_bytes(b"RIFF")
    with pytest.raises(CorpusError, match=r"cannot be read \(.*\); write it with scripts/make_demo_corpus"):
        Demo(tmp_path / "a.parquet")


# The script.


def ogg_checksum_bit_by_bit(page: bytes) -> int:
    remainder = 0
    for byte in page:
        remainder ^= byte << 24
        for _ in range(8):
            remainder = (remainder << 1) ^ (0x104C11DB7 if remainder & 0x80000000 else 0)
    return remainder


@given(st.binary(max_size=200))
def test_the_ogg_checksum_is_that_of_the_rfc(script: ModuleType, page: bytes):
    assert script.ogg_checksum(page) == ogg_checksum_bit_by_bit(page)


def test_another_serial_number_leaves_the_sound_as_it_is(script: ModuleType, rows: list[Utterance]):
    original = rows[0].audio
    renumbered = script.set_ogg_serial(original, 7)
    assert renumbered != original
    assert script.set_ogg_serial(renumbered, zlib.crc32(b"demo-0001")) == original
    decoded = [soundfile.read(io.BytesIO(ogg))[0] for ogg in (original, renumbered)]
    assert np.array_equal(*decoded)


def test_trimming_leaves_30_ms_of_silence_on_both_sides(script: ModuleType):
    speech = np.full(2400, 0.1, np.float32)
    quiet = np.zeros(12000, np.float32)
    trimmed = script.trim(np.concatenate([quiet, speech, quiet]))
    assert np.array_equal(trimmed, np.pad(speech, 720))


def test_trimming_silence_leaves_nothing(script: ModuleType):
    assert len(script.trim(np.zeros(5000, np.float32))) == 0


def test_trimming_speech_without_silence_cuts_nothing(script: ModuleType):
    speech = np.full(2450, 0.1, np.float32)
    assert np.array_equal(script.trim(speech), speech)


def test_an_r_belongs_to_the_vowel_before_it_unless_it_opens_a_stressed_syllable(script: ModuleType):
    assert script.to_arpabet("bˈɜɹd") == ["B", "ER", "D"]
    assert script.to_arpabet("fˈɑðəɹ") == ["F", "AA", "DH", "ER"]
    assert script.to_arpabet("əɹˈWnd") == ["AH", "R", "AW", "N", "D"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a|One.\nTwo.\n", r"s.txt:2: 1 fields between '\|', expected 2; write one clip a line"),
        ("a|One.\na|Two.\n", "s.txt:2: id 'a' is in line 1 already; rename one"),
        ("../a|One.\n", r"s.txt:1: id '\.\./a' is not safe as a file name"),
        ("a|One.\nb| \n", "s.txt:2: has no letter or digit in its text; write what is said"),
        ("", "s.txt: is empty; write one line per clip"),
    ],
)
def test_a_text_file_that_cannot_be_spoken_ends_with_one_line_and_code_2(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, message: str
):
    source = tmp_path / "s.txt"
    source.write_text(content, encoding="utf-8")
    assert script.main(["--sentences", str(source), "--out", str(tmp_path / "out.parquet")]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert re.search(message, lines[0])
    assert [path.name for path in tmp_path.iterdir()] == ["s.txt"]


def test_of_three_fields_the_last_is_spoken(script: ModuleType, tmp_path: Path):
    (tmp_path / "metadata.csv").write_text("a|Dr. No|Doctor No\n", encoding="utf-8")
    assert script.read_sentences(tmp_path / "metadata.csv") == [("a", "Doctor No")]


def test_a_missing_generator_is_one_line_with_the_install_command(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setitem(sys.modules, "hibari", None)
    assert script.main(["--out", str(tmp_path / "out.parquet")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("toktts: error: hibari-tts with onnxruntime is not installed (")
    assert error.endswith("); pip install 'hibari-tts[fast]'\n")


class FallsSilent:
    """A voice that speaks its first sentence only."""

    def __init__(self) -> None:
        self.n_spoken = 0

    def __call__(self, *_: object, **__: object) -> np.ndarray:
        self.n_spoken += 1
        return np.full(4800, 0.1 if self.n_spoken == 1 else 0.0, np.float32)

    def phonemize(self, _: str) -> list[str]:
        return ["b"]


def test_a_sentence_without_sound_ends_the_run_and_leaves_an_older_file_as_it_was(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(script, "load_voice", FallsSilent)
    monkeypatch.setattr(script, "version", lambda _: "0")
    target = tmp_path / "out.parquet"
    target.write_bytes(b"older")
    assert script.main(["--out", str(target)]) == 2
    assert "error: demo-0002: 'Thank you.' gives no sound; leave the line out" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["out.parquet"]
    assert target.read_bytes() == b"older"


def test_a_limit_below_1_is_refused(script: ModuleType, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit, match="2"):
        script.main(["--limit", "0"])
    assert "must be at least 1, got 0" in capsys.readouterr().err


@pytest.fixture
def voice(script: ModuleType) -> object:
    pytest.importorskip("hibari", reason="needs hibari-tts: pip install 'hibari-tts[fast]'")
    return script.load_voice()


@pytest.mark.medium
def test_the_generator_still_counts_the_phonemes_that_the_file_names(
    script: ModuleType, voice: object, rows: list[Utterance], facts: dict[str, str]
):
    counts = Counter(name for row in rows for name in script.to_arpabet("".join(voice.phonemize(row.text))))
    assert counts == json.loads(facts["phonemes"])


@pytest.mark.medium
@pytest.mark.usefixtures("voice")
@pytest.mark.parametrize("audio_format", ["opus", "flac"])
def test_speaking_two_sentences_twice_gives_the_same_bytes(script: ModuleType, tmp_path: Path, audio_format: str):
    first, second = tmp_path / "a.parquet", tmp_path / "b.parquet"
    for target in (first, second):
        assert script.main(["--limit", "2", "--out", str(target), "--format", audio_format]) == 0
    assert first.read_bytes() == second.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.parquet", "b.parquet"]


@pytest.mark.medium
@pytest.mark.usefixtures("voice")
def test_sentences_spoken_again_sound_as_in_the_corpus(script: ModuleType, rows: list[Utterance], tmp_path: Path):
    script.make(ASSETS / "sentences.txt", tmp_path / "a.parquet", limit=2)
    for again, row in zip(Demo(tmp_path / "a.parquet"), rows[:2], strict=True):
        assert (again.id, again.text, again.speaker, again.consent) == (row.id, row.text, row.speaker, row.consent)
        new, old = (soundfile.read(io.BytesIO(utterance.audio))[0] for utterance in (again, row))
        assert len(new) == len(old)
        # Bit-identical on one machine; another processor or libopus may round differently.
        assert np.corrcoef(new, old)[0, 1] > 0.99
