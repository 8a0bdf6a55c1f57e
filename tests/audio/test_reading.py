import io
import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st

from toktts.audio import Waveform, resample
from toktts.audio.reading import Finding, read_clip
from toktts.errors import AudioError

RATE = 22050
TONE = 0.3 * np.sin(2 * np.pi * 220 * np.arange(RATE) / RATE)
RATE_AT, CHANNELS_AT, BLOCK_AT, SIZE_AT = 24, 22, 32, 40  # bytes of a plain WAV header


def sound(samples=TONE, *, container="WAV", subtype=None, rate=RATE) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=container, subtype=subtype)
    return buffer.getvalue()


def patched(offset: int, kind: str, value: int, content: bytes | None = None) -> bytes:
    changed = bytearray(content or sound())
    struct.pack_into("<" + kind, changed, offset, value)
    return bytes(changed)


def read(audio, **options) -> tuple[Waveform, list[Finding]]:
    findings: list[Finding] = []
    waveform = read_clip(audio, **({"sampling_rate": RATE} | options), report=findings.append)
    return waveform, findings


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "0 bytes": (lambda: b"", "is empty; copy the file again"),
    "header only": (lambda: sound()[:44], "holds 0 frames; record it again or leave it out"),
    "header of size 0": (lambda: patched(SIZE_AT, "I", 0), "holds 0 frames"),
    "size 0 and nothing behind": (lambda: patched(SIZE_AT, "I", 0)[:44], "holds 0 frames"),
    "half": (lambda: sound()[: 44 + 22028], "header says 22050 frames, file has 11014; copy the file again"),
    "one byte short": (lambda: sound()[:-1], "header says 22050 frames, file has 22049"),
    "half a FLAC": (lambda: (b := sound(container="FLAC"))[: len(b) // 2], "cannot be read as sound"),
    "half an MP3": (lambda: (b := sound(container="MP3"))[: len(b) // 2], r"header says \d+ frames, file has \d+;"),
    "half an Opus": (
        lambda: (b := sound(container="OGG", subtype="OPUS", rate=24000))[: len(b) // 2],
        "cannot be read as sound",
    ),
    "0 Hz": (lambda: patched(RATE_AT, "I", 0), "header says 0 Hz"),
    "4 GHz": (lambda: patched(RATE_AT, "I", 4_000_000_000), "header says 4000000000 Hz, expected 4000 to 384000 Hz"),
    "0 channels": (lambda: patched(CHANNELS_AT, "H", 0), "header says 0 channels"),
    "65535 channels": (lambda: patched(CHANNELS_AT, "H", 65535), "header says 65535 channels, expected 1 to 8"),
    "HTML": (lambda: b"\n <!DOCTYPE html><html>", "looks like HTML, not sound"),
    "JSON": (lambda: b'{"error": 404}', "looks like JSON, not sound"),
    "LFS pointer": (lambda: b"version https://git-lfs.github.com/spec/v1\noid", "looks like a Git LFS pointer"),
    "noise": (lambda: bytes(range(256)) * 8, r"cannot be read as sound \(Format not recognised\); convert it to WAV"),
    "NaN": (
        lambda: sound(np.where(np.arange(RATE) < 3, np.nan, TONE), subtype="FLOAT"),
        "3 of 22050 samples are NaN or infinite",
    ),
    "Inf": (lambda: sound(np.where(np.arange(RATE) == 9, np.inf, TONE), subtype="FLOAT"), "1 of 22050 samples are NaN"),
    "digital silence": (lambda: sound(np.zeros(RATE)), r"is silent \(samples vary by 0.0e\+00\)"),
    "a constant": (lambda: sound(np.full(RATE, 0.5)), "is silent"),
    "clipped": (
        lambda: sound(np.clip(5 * TONE, -1, 1)),
        r"53\.\d% of the samples are clipped; record it again",
    ),  # 1 - 2 / pi * asin(1 / 1.5)
    "clipped beyond 1": (
        lambda: sound(np.clip(9 * TONE, -2, 2), subtype="FLOAT"),
        "of the samples are clipped",
    ),
    "one sample": (lambda: sound(np.full(1, 0.5)), "is silent"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_damaged_clip_is_refused_with_its_reason(case: str, tmp_path: Path):
    content, reason = REFUSED[case]
    path = tmp_path / "clip.wav"
    path.write_bytes(content())
    with pytest.raises(AudioError, match=reason) as caught:
        read(path)
    assert caught.value.file == str(path)
    assert "; " in caught.value.message
    with pytest.raises(AudioError, match=reason) as caught:
        read(path.read_bytes())
    assert caught.value.file is None


def test_samples_come_back_as_they_were_written():
    waveform, findings = read(sound())
    assert waveform.samples.shape == (1, RATE)
    assert waveform.sampling_rate == RATE
    assert np.abs(waveform.samples[0].numpy() - TONE).max() <= 1 / 32768
    assert findings == []


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x80000000, 0x7FFFF000])
def test_a_streamed_header_without_a_size_is_read_to_the_end(size: int):
    waveform, _ = read(patched(SIZE_AT, "I", size))
    assert torch.equal(waveform.samples, read(sound())[0].samples)


@pytest.mark.parametrize("container", ["RF64", "WAVEX", "W64", "FLAC", "AIFF"])
def test_other_lossless_containers_hold_the_same_samples(container: str):
    steps = (TONE * 32767).astype(np.int16)
    assert torch.equal(read(sound(steps, container=container))[0].samples, read(sound(steps))[0].samples)


def test_stray_bytes_behind_the_last_frame_are_dropped_and_reported():
    waveform, findings = read(patched(SIZE_AT, "I", 44101) + b"\0\0")
    assert waveform.samples.shape == (1, RATE)
    assert findings == [Finding("stray_bytes", "1 bytes behind the last frame dropped")]


def test_a_peak_above_one_is_scaled_down_and_reported():
    waveform, findings = read(sound(TONE * 10, subtype="FLOAT"))
    assert float(waveform.samples.abs().max()) == 1.0
    assert findings == [Finding("scaled", "peak 3.000 scaled to 1")]


def test_a_full_scale_tone_is_not_called_clipped():
    waveform, findings = read(sound(TONE / 0.3 * 32767 / 32768))
    assert findings == []
    assert float(waveform.samples.abs().max()) > 0.999


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "FLOAT"])
def test_clipping_is_found_at_every_depth(subtype: str):
    with pytest.raises(AudioError, match="of the samples are clipped"):
        read(sound(np.clip(5 * TONE, -1, 1), subtype=subtype))


def test_a_dc_offset_is_accepted_and_reported():
    _, findings = read(sound(TONE + 0.1))
    assert findings == [Finding("dc_offset", "mean +0.100")]


def test_stereo_is_refused_unless_the_mean_is_asked_for():
    stereo = sound(np.stack([TONE, TONE / 2], axis=1))
    with pytest.raises(AudioError, match="has 2 channels; convert it to one, or set mono to 'mean'"):
        read(stereo)
    waveform, findings = read(stereo, mono="mean")
    assert np.abs(waveform.samples[0].numpy() - TONE * 0.75).max() < 2 / 32768
    assert findings == [Finding("mixed", "mean of 2 channels")]


def test_six_channels_are_refused_unless_the_mean_is_asked_for():
    surround = sound(np.tile(TONE[:, None], (1, 6)))
    with pytest.raises(AudioError, match="has 6 channels"):
        read(surround)
    assert read(surround, mono="mean")[0].samples.shape == (1, RATE)


@pytest.mark.parametrize("rate", [8000, 44100, 48000])
def test_other_rates_are_resampled_and_reported(rate: int):
    tone = 0.3 * np.sin(2 * np.pi * 220 * np.arange(rate) / rate)
    waveform, findings = read(sound(tone, rate=rate))
    assert findings == [Finding("resampled", f"{rate} Hz to {RATE} Hz")]
    assert torch.allclose(waveform.samples, resample(Waveform(torch.tensor(tone), rate), RATE).samples, atol=1e-4)


def test_a_loud_clip_stays_within_one_after_resampling():
    square = np.sign(TONE) * 0.98
    waveform, _ = read(sound(square), sampling_rate=24_000)
    assert float(waveform.samples.abs().max()) <= 1.0


@pytest.mark.parametrize(("container", "subtype"), [("FLAC", "PCM_16"), ("MP3", None), ("OGG", "OPUS")])
def test_content_decides_the_format_and_a_wrong_name_is_reported(container: str, subtype: str | None, tmp_path: Path):
    path = tmp_path / "clip.wav"
    path.write_bytes(sound(container=container, subtype=subtype, rate=24_000))
    _, findings = read(path, sampling_rate=24_000)
    assert findings == [Finding("named_otherwise", f"{path} is named .wav but holds {container}")]


def test_a_finding_is_logged_where_nobody_asks_for_it(caplog: pytest.LogCaptureFixture):
    read_clip(sound(TONE + 0.1), sampling_rate=24_000)
    assert [record.getMessage() for record in caplog.records] == ["dc_offset: mean +0.100"]


def test_a_clip_shorter_than_one_frame_is_refused():
    short = sound(TONE[:300])
    with pytest.raises(AudioError, match="is 327 samples long at 24000 Hz, needs 328; leave it out"):
        read(short, sampling_rate=24_000, min_samples=328)
    assert read(short, sampling_rate=24_000, min_samples=327)[0].samples.shape[1] == 327


def test_six_hours_are_refused_by_their_header_without_reading_them(tmp_path: Path):
    path = tmp_path / "long.wav"
    n_bytes = 6 * 3600 * RATE * 2
    path.write_bytes(patched(SIZE_AT, "I", n_bytes)[:44])
    os.truncate(path, 44 + n_bytes)
    before = psutil.Process().memory_info().rss
    with pytest.raises(AudioError, match=r"lasts 21600.0 s, more than 30 s; cut it or raise max_seconds"):
        read(path, max_seconds=30.0)
    assert psutil.Process().memory_info().rss - before < 50e6


def test_pipes_devices_folders_loops_and_missing_files_are_refused_without_blocking(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "loop.wav").symlink_to(tmp_path / "loop.wav")
    device = "is a pipe, socket or device; name a sound file"
    for path, reason in [
        (tmp_path / "pipe.wav", device),
        (Path(os.devnull), device),
        (tmp_path, "is a folder; name a sound file"),
        (tmp_path / "loop.wav", "cannot be opened"),
        (tmp_path / "none.wav", "no such file; copy it there"),
        (Path("nul\0.wav"), r"cannot be opened \(embedded null byte\)"),
    ]:
        with pytest.raises(AudioError, match=reason):
            read(path)


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 255)), max_size=6),
    st.integers(0, 2 * 2000 + 44),
)
def test_any_damage_gives_finite_sound_or_one_reason(changes: list[tuple[int, int]], n_bytes: int):
    damaged = bytearray(sound(TONE[:2000]))
    for offset, value in changes:
        damaged[offset] = value
    try:
        waveform, _ = read(bytes(damaged[:n_bytes]), mono="mean", max_seconds=5.0)
    except AudioError:
        return
    assert torch.isfinite(waveform.samples).all()
    assert float(waveform.samples.abs().max()) <= 1.0


def test_real_clips_are_read_without_findings(shared_data: Path):
    clips = sorted((shared_data / "ljspeech-mini" / "LJSpeech-1.1" / "wavs").glob("*.wav"))
    assert len(clips) == 24
    for clip in clips:
        waveform, findings = read(clip)
        assert findings == []
        assert waveform.duration_s > 1
