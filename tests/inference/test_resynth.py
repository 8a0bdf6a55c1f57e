from pathlib import Path
from typing import Self

import pytest
import torch
from torch import Tensor

from toktts.audio import Waveform
from toktts.codecs._base import Codec
from toktts.errors import AudioError
from toktts.inference.resynth import resynthesize, round_trip


class SampleCodec(Codec):
    """Four samples a frame, 256 levels a sample: a codec whose error is known (half a level)."""

    feature_kind = "codes"
    sampling_rate, hop_length, n_codebooks, codebook_size = 8000, 4, 4, 256
    identity = "sample"

    def encode(self, waveform: Waveform) -> Tensor:
        self.check_rate(waveform)
        padded = torch.nn.functional.pad(waveform.samples, (0, -waveform.samples.shape[1] % self.hop_length))
        levels = ((padded.clip(-1, 1) + 1) / 2 * 255).round().long()
        return levels.reshape(len(padded), -1, self.hop_length).transpose(1, 2)

    def decode(self, features: Tensor, *, n_frames: Tensor | None = None) -> Waveform:
        del n_frames
        self.check_codes(features)
        return Waveform(features.transpose(1, 2).reshape(len(features), -1) / 255 * 2 - 1, self.sampling_rate)

    def save_pretrained(self, folder: object) -> None: ...

    @classmethod
    def from_pretrained(cls, folder: object) -> Self:
        del folder
        return cls()

    @classmethod
    def tiny(cls) -> Self:
        return cls()


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for name, n_samples, sampling_rate in (("b", 8001, 8000), ("a", 16000, 16000)):
        time = torch.arange(n_samples) / sampling_rate
        Waveform(0.5 * torch.sin(2 * torch.pi * 100 * time), sampling_rate).save(folder / f"{name}.wav")
    (folder / "a.txt").write_text("one second of hum", encoding="utf-8")
    return folder


def test_every_clip_comes_back_with_its_name_and_duration(clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "out" / "deeper"
    assert resynthesize(clips, out, codec=SampleCodec()) == 2
    assert sorted(path.name for path in out.iterdir()) == ["a.txt", "a.wav", "b.wav"]
    for name, n_samples in (("a", 8000), ("b", 8001)):
        clip = Waveform.load(out / f"{name}.wav")
        assert (clip.sampling_rate, clip.samples.shape[1]) == (8000, n_samples)
    assert (out / "a.txt").read_text(encoding="utf-8") == "one second of hum"


def test_the_round_trip_changes_nothing_but_what_the_codec_changes() -> None:
    clip = Waveform(torch.linspace(-1, 1, 1001), 8000)
    back = round_trip(clip, SampleCodec())
    assert (back.samples - clip.samples).abs().max() <= 1 / 255 + 1e-6


def test_an_existing_file_is_kept_unless_forced(clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "b.wav").write_bytes(b"mine")
    with pytest.raises(AudioError, match=r"b\.wav: exists already; choose another folder, or replace it with --force"):
        resynthesize(clips, out, codec=SampleCodec())
    assert [path.name for path in out.iterdir()] == ["b.wav"]
    assert (out / "b.wav").read_bytes() == b"mine"
    assert resynthesize(clips, out, codec=SampleCodec(), force=True) == 2


def test_bad_folders_are_named(clips: Path, tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="nowhere: is not a folder; name a folder of WAV files"):
        resynthesize(tmp_path / "nowhere", tmp_path / "out", codec=SampleCodec())
    (tmp_path / "empty").mkdir()
    with pytest.raises(AudioError, match="empty: holds no .wav file; name a folder of WAV files"):
        resynthesize(tmp_path / "empty", tmp_path / "out", codec=SampleCodec())
    with pytest.raises(AudioError, match="would overwrite the files it reads; choose another output folder"):
        resynthesize(clips, clips, codec=SampleCodec(), force=True)


def test_a_broken_clip_is_named(clips: Path, tmp_path: Path) -> None:
    (clips / "c.wav").write_bytes(b"<html>")
    with pytest.raises(AudioError, match=r"c\.wav: cannot be read as sound"):
        resynthesize(clips, tmp_path / "out", codec=SampleCodec())
