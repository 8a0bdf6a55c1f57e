import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from toktts.alignment.pocketsphinx import PocketSphinxAligner, Word
from toktts.audio import Waveform
from toktts.audio.energy import frame_levels
from toktts.audio.reading import read_clip
from toktts.errors import AlignmentError, MissingPackageError

# Not in the dictionary.
BY_HAND = {
    "woodcutters": "W UH1 D K AH2 T ER0 Z",
    "shapeliness": "SH EY1 P L IY0 N AH0 S",
    "ie": "DH AE1 T IH1 Z",
    "missals": "M IH1 S AH0 L Z",
    "maintz": "M EY1 N T S",
    "schoeffer": "SH EH1 F ER0",
}
CLIPS = "ljspeech-mini/LJSpeech-1.1"


@pytest.fixture(scope="module")
def dictionary() -> dict[str, list[str]]:
    package = pytest.importorskip("pocketsphinx", reason="needs pocketsphinx (pip install 'toktts[align]')")
    lines = Path(package.get_model_path("en-us/cmudict-en-us.dict")).read_text(encoding="utf-8").splitlines()
    found = {line.split()[0]: line.split()[1:] for line in lines}
    return found | {word: symbols.split() for word, symbols in BY_HAND.items()}


@pytest.fixture(scope="module")
def aligner(dictionary: dict[str, list[str]]) -> PocketSphinxAligner:
    assert dictionary
    return PocketSphinxAligner()


def words_of(text: str, dictionary: dict[str, list[str]]) -> list[Word]:
    words = re.findall(r"[a-z]+(?:'[a-z]+)?", text.lower())
    return [(word, dictionary[word]) for word in words]


def demo_clips(n_clips: int) -> Iterator[tuple[Waveform, str]]:
    from toktts.data.corpora.demo import Demo

    for _, row in zip(range(n_clips), (row for row in Demo() if len(row.text) > 30), strict=False):
        yield read_clip(row.audio, sampling_rate=24_000), row.text


def assert_words_cover_the_speech(aligner: PocketSphinxAligner, clip: Waveform, words: list[Word]) -> None:
    found = aligner.align(clip, words)
    assert list(found.words.labels) == [word for word, _ in words]
    assert list(found.phonemes.labels) == [symbol for _, symbols in words for symbol in symbols]
    grouped = found.phonemes.grouped([(word, len(symbols)) for word, symbols in words])
    assert [(s.start_s, s.end_s) for s in grouped] == [(s.start_s, s.end_s) for s in found.words]
    levels = frame_levels(clip, hop_length=clip.sampling_rate // 100)
    middles = (torch.arange(len(levels)) + 0.5) / 100
    loud = levels > levels.max() - 25
    inside = torch.zeros_like(loud)
    for span in found.words:
        inside |= (middles >= span.start_s) & (middles <= span.end_s)
    assert float((loud & inside).sum() / loud.sum()) > 0.97


def test_three_sentences_of_the_demo_corpus_are_aligned(
    aligner: PocketSphinxAligner, dictionary: dict[str, list[str]]
) -> None:
    for clip, text in demo_clips(3):
        assert_words_cover_the_speech(aligner, clip, words_of(text, dictionary))


@pytest.mark.medium
def test_every_real_clip_is_aligned(
    aligner: PocketSphinxAligner, dictionary: dict[str, list[str]], shared_data: Path
) -> None:
    folder = shared_data / CLIPS
    rows = [line.split("|") for line in (folder / "metadata.csv").read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 24
    for id_, _, text in rows:
        clip = Waveform.load(folder / "wavs" / f"{id_}.wav")
        assert_words_cover_the_speech(aligner, clip, words_of(text, dictionary))


def test_silence_in_front_moves_every_word_and_other_clips_change_nothing(
    aligner: PocketSphinxAligner, dictionary: dict[str, list[str]]
) -> None:
    (clip, text), (other, other_text) = demo_clips(2)
    words = words_of(text, dictionary)
    first = aligner.align(clip, words).words
    aligner.align(other, words_of(other_text, dictionary))
    assert aligner.align(clip, words).words == first
    silence = torch.zeros(1, clip.sampling_rate // 2)
    moved = aligner.align(Waveform(torch.cat([silence, clip.samples], 1), clip.sampling_rate), words).words
    # Silence before the first word counts to it where there is too little to be a silence of its own.
    late = [(span.start_s - 0.5, span.end_s - 0.5) for span in moved.spans[1:]]
    for found, expected in zip(late, first.spans[1:], strict=True):
        assert found == pytest.approx((expected.start_s, expected.end_s), abs=0.031)
    assert 0.45 < moved.spans[0].start_s < 0.75


HELLO: list[Word] = [("hello", ["HH", "AH0", "L", "OW1"])]
NOISE = 0.1 * torch.randn(1, 16000, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("samples", "words", "message"),
    [
        (NOISE[:, :800], HELLO, r"0.05 s of sound do not say 'hello'; check text and recording"),
        (torch.zeros(1, 1), HELLO, r"0.00 s of sound do not say 'hello'; check text and recording"),
        (torch.zeros(1, 0), HELLO, r"can align one clip that is not empty, got 1 of 0.00 s; align each of"),
        (torch.zeros(2, 10), HELLO, r"can align one clip that is not empty, got 2 of 0.00 s; align each of"),
        (torch.full((1, 800), torch.nan), HELLO, r"samples are not finite; record the clip again or leave it out"),
        (NOISE, [], "no words to align; give those that the recording says"),
        (NOISE, [("hi", ["HH", "ɑ"])], "'hi': 'ɑ' is not ARPAbet; write its sounds as HH AH0 L OW1"),
        (NOISE, [("hi", [])], "'hi': has no phonemes; write its sounds as HH AH0 L OW1"),
    ],
)
def test_what_cannot_be_aligned_is_refused(
    samples: torch.Tensor, words: list[Word], message: str, aligner: PocketSphinxAligner
) -> None:
    with pytest.raises(AlignmentError, match=message):
        aligner.align(Waveform(samples, 16000), words)


def test_a_missing_package_is_named_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    with pytest.raises(MissingPackageError, match=r"forced alignment needs pocketsphinx; pip install 'pocketsphinx>="):
        PocketSphinxAligner()
