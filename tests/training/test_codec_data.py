from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from toktts.codecs.melrvq import MelRVQ
from toktts.data.corpora.folder import Folder
from toktts.errors import CodecError, CorpusError
from toktts.training.codec_data import (
    CodecAudio,
    SegmentDataset,
    encode_audio,
    fit_on_audio,
    read_codec_audio,
    track_audio,
)

HOP = 320


@pytest.fixture(scope="module")
def codec() -> MelRVQ:
    return MelRVQ.tiny()


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """Four clips of a second."""
    return Folder.tiny(tmp_path_factory.mktemp("corpus"))


def counting(n_frames: list[int]) -> tuple[CodecAudio, list[torch.Tensor]]:
    """Clips whose samples and codes say where they are: frame t of clip c is c / 8 + t / 1024 everywhere."""
    clips, codes = [], []
    for clip, n in enumerate(n_frames):
        frames = torch.arange(n)
        clips.append((clip / 8 + frames / 1024).repeat_interleave(HOP).half())
        codes.append(torch.stack([torch.full((n,), clip), frames]).to(torch.int16))
    return CodecAudio([f"clip-{index}" for index in range(len(clips))], clips, 24_000), codes


def segments(n_frames: list[int], *, seed: int = 0, n_segments: int = 20) -> SegmentDataset:
    audio, codes = counting(n_frames)
    tracks = [torch.stack([100 + row[1].float(), (row[1] % 2).float()]) for row in codes]
    return SegmentDataset(audio, codes, tracks, hop_length=HOP, segment_frames=4, n_segments=n_segments, seed=seed)


@given(n_frames=st.lists(st.integers(4, 60), min_size=1, max_size=5), seed=st.integers(0, 2**20))
@settings(max_examples=15)
def test_codes_samples_and_pitch_of_a_segment_are_of_the_same_place(n_frames: list[int], seed: int) -> None:
    data = segments(n_frames, seed=seed)
    for index in range(5):
        segment = data[index]
        clips, frames = segment["codes"]
        assert segment["codes"].dtype == torch.int64
        assert segment["samples"].dtype == torch.float32
        assert len(set(clips.tolist())) == 1
        assert frames.diff().eq(1).all()
        expected = (clips / 8 + frames / 1024).repeat_interleave(HOP)
        torch.testing.assert_close(segment["samples"], expected, rtol=1e-3, atol=0)
        assert torch.equal(segment["pitch"], 100.0 + frames)
        assert torch.equal(segment["voiced"], (frames % 2).float())


def test_a_segment_follows_from_seed_and_index_alone() -> None:
    first, again, other = segments([50, 30]), segments([50, 30]), segments([50, 30], seed=1)
    backwards = [again[index]["codes"] for index in reversed(range(20))][::-1]
    forwards = [first[index]["codes"] for index in range(20)]
    assert all(torch.equal(one, two) for one, two in zip(forwards, backwards, strict=True))
    assert any(not torch.equal(one, other[index]["codes"]) for index, one in enumerate(forwards))


def test_long_clips_come_as_often_as_they_are_longer() -> None:
    """400 draws at p = 0.75: the standard deviation is 9, so 45 is five of them."""
    data = segments([60, 20], n_segments=400)
    from_first = sum(int(data[index]["codes"][0, 0]) == 0 for index in range(400))
    assert abs(from_first - 300) < 45


def test_every_place_of_a_clip_can_come_the_last_one_too() -> None:
    firsts = {segments([8])[index]["codes"][1, 0].item() for index in range(60)}
    assert firsts == {0, 1, 2, 3, 4}


def test_a_corpus_is_read_whole_in_order_and_in_whole_frames(corpus: Folder, codec: MelRVQ, tmp_path: Path) -> None:
    seen = []
    audio = read_codec_audio(
        corpus, codec, rejected_file=tmp_path / "r.jsonl", on_progress=lambda done, total: seen.append((done, total))
    )
    assert audio.ids == [utterance.id for utterance in corpus]
    assert {(clip.dtype, len(clip)) for clip in audio.clips} == {(torch.float16, 24_000)}
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert audio.hours == pytest.approx(4 / 3600)
    assert (tmp_path / "r.jsonl").read_text(encoding="utf-8") == ""


def test_short_clips_are_padded_with_silence_and_long_ones_cut(corpus: Folder, codec: MelRVQ, tmp_path: Path) -> None:
    read = {"corpus": corpus, "codec": codec, "rejected_file": tmp_path / "r.jsonl"}
    padded = read_codec_audio(**read, min_frames=100)
    assert all(len(clip) == 100 * HOP and not clip[24_000:].any() for clip in padded.clips)
    cut = read_codec_audio(**read, clip_seconds=0.5)
    assert {len(clip) for clip in cut.clips} == {-(-12_000 // HOP) * HOP}
    assert all(len(clip.untyped_storage()) == 2 * len(clip) for clip in cut.clips), "the rest is not kept"


def test_selecting_keeps_the_order_asked_for_and_shares_the_sound(
    corpus: Folder, codec: MelRVQ, tmp_path: Path
) -> None:
    audio = read_codec_audio(corpus, codec, rejected_file=tmp_path / "r.jsonl")
    chosen = audio.select([audio.ids[2], audio.ids[0]])
    assert chosen.ids == [audio.ids[2], audio.ids[0]]
    assert chosen.clips[1] is audio.clips[0]


def test_codes_of_the_corpus_are_those_that_the_codec_gives(corpus: Folder, codec: MelRVQ, tmp_path: Path) -> None:
    audio = read_codec_audio(corpus, codec, rejected_file=tmp_path / "r.jsonl")
    codes = encode_audio(codec, audio)
    for index, row in enumerate(codes):
        assert row.dtype == torch.int16
        assert torch.equal(row.long(), codec.encode(audio.waveform(index))[0])


def test_pitch_is_tracked_frame_by_frame_without_gaps() -> None:
    """A sine of 200 Hz between silences, 25 frames each; and a clip of nothing but silence."""
    sine = 0.5 * torch.sin(2 * torch.pi * 200 * torch.arange(25 * HOP) / 24_000)
    silence = torch.zeros(25 * HOP)
    clips = [torch.cat([silence, sine, silence]).half(), silence.half()]
    spoken, silent = track_audio(CodecAudio(["sine", "silence"], clips, 24_000), HOP)
    assert spoken.shape == (2, 75)
    assert spoken[1, 30:45].all()
    assert not spoken[1, :20].any()
    torch.testing.assert_close(spoken[0, 30:45], torch.full((15,), 200.0), rtol=0.02, atol=0)
    assert (spoken[0] > 0).all()
    assert silent.shape == (2, 25)
    assert not silent[1].any()
    assert (silent[0] > 0).all()


def test_fitting_follows_from_the_seed_and_uses_no_more_frames_than_asked(
    corpus: Folder, codec: MelRVQ, tmp_path: Path
) -> None:
    audio = read_codec_audio(corpus, codec, rejected_file=tmp_path / "r.jsonl")
    codecs = [MelRVQ(codec.options) for _ in range(3)]
    used = [fit_on_audio(each, audio, seed=seed, max_frames=120) for each, seed in zip(codecs, (0, 0, 1), strict=True)]
    assert used == [120] * 3
    assert codecs[0].identity == codecs[1].identity != codecs[2].identity
    assert np.isfinite(codecs[0].codebooks.numpy()).all()


def test_more_sound_than_allowed_is_refused_with_both_figures(corpus: Folder, codec: MelRVQ, tmp_path: Path) -> None:
    message = (
        "codec.options.max_hours: 3 of 4 clips hold 0.00 hours of sound, more than 0.0006; "
        "set data.limit_rows, or raise max_hours: an hour takes 0.17 GB of memory"
    )
    with pytest.raises(CorpusError, match=message):
        read_codec_audio(corpus, codec, rejected_file=tmp_path / "r.jsonl", max_hours=0.0006)


def test_clips_that_cannot_be_used_are_named_and_counted(codec: MelRVQ, tmp_path: Path) -> None:
    corpus = Folder.tiny(tmp_path / "corpus")
    (tmp_path / "corpus/wavs/clip-1.wav").write_bytes(b"")
    rejected = tmp_path / "rejected.jsonl"
    audio = read_codec_audio(corpus, codec, rejected_file=rejected, max_rejected_fraction=0.5)
    assert audio.ids == ["clip-0", "clip-2", "clip-3"]
    assert "is empty; copy the file again" in rejected.read_text(encoding="utf-8")
    with pytest.raises(CorpusError, match=r"1 of 4 rows rejected \(25.0%, allowed are 1.0%\)"):
        read_codec_audio(corpus, codec, rejected_file=rejected)


def test_too_little_sound_for_the_codebooks_is_refused(codec: MelRVQ) -> None:
    audio, _ = counting([10])
    with pytest.raises(CodecError, match="10 mel frames are too few for codebooks of 16, which want 64"):
        fit_on_audio(MelRVQ(codec.options), audio, seed=0)
