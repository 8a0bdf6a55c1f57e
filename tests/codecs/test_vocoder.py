import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from toktts.audio import Waveform
from toktts.audio.pitch import track_pitch
from toktts.codecs._mel import LogMel
from toktts.codecs._vocoder import NOISE_FRAMES, PARTS, ConvNeXtBlock, FrameVocoder, SpectrumHead, overlap_add

SIZES = {
    "intermediate_size": 16,
    "num_hidden_layers": 2,
    "kernel_size": 3,
    "n_fft": 32,
    "hop_length": 8,
    "sampling_rate": 8000,
}


def small(**sizes: int) -> FrameVocoder:
    torch.manual_seed(0)
    return FrameVocoder(5, 8, **SIZES | sizes).eval()


def only_pulses(**sizes: int) -> FrameVocoder:
    """A vocoder that lets pulses through as they are, and neither noise nor anything else."""
    vocoder = small(**sizes)
    biases = [0.0 if name.startswith("pulse") else -20.0 for name in PARTS]
    with torch.no_grad():
        vocoder.head.weight.zero_()
        vocoder.head.bias.copy_(torch.tensor(biases).repeat_interleave(vocoder.n_bins))
    return vocoder


@settings(max_examples=30)
@given(n_frames=st.integers(1, 20), hop=st.sampled_from([4, 8, 10]), windows=st.sampled_from([3, 4, 8]))
def test_overlap_add_undoes_the_spectrum_of_the_mel_front(n_frames: int, hop: int, windows: int) -> None:
    n_fft = 2 * (hop * windows // 2)
    samples = torch.rand(2, n_frames * hop, generator=torch.Generator().manual_seed(n_frames)) - 0.5
    front = LogMel(8000, n_fft, hop_length=hop, n_mels=4)
    back = overlap_add(front.spectrum(samples).transpose(1, 2), front.window, hop_length=hop)
    assert back.shape == samples.shape
    # Near the edges few windows overlap, and where they are almost 0 the division makes rounding errors large.
    torch.testing.assert_close(
        back[:, n_fft // 2 : -n_fft // 2], samples[:, n_fft // 2 : -n_fft // 2], rtol=0, atol=1e-4
    )


def test_overlap_add_agrees_with_torch_where_both_are_defined() -> None:
    """torch.istft with center=True starts at the middle of the first frame, n_fft / 2; ours at (n_fft - hop) / 2."""
    n_fft, hop = 32, 8
    spectrum = torch.randn(1, 12, n_fft // 2 + 1, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    spectrum.imag[:, :, [0, -1]] = 0
    window = torch.hann_window(n_fft)
    ours = overlap_add(spectrum, window, hop_length=hop)
    theirs = torch.istft(spectrum.transpose(1, 2), n_fft, hop, window=window, center=True)
    offset = n_fft // 2 - (n_fft - hop) // 2
    torch.testing.assert_close(ours[:, offset : offset + theirs.shape[1]], theirs, rtol=0, atol=1e-5)


@settings(max_examples=20)
@given(n_frames=st.integers(1, 30), hop=st.integers(2, 40), n_fft=st.integers(20, 50))
def test_overlap_add_equals_adding_frame_by_frame(n_frames: int, hop: int, n_fft: int) -> None:
    """The slow obvious version, also where windows are no whole number of hops."""
    n_fft, hop = 2 * n_fft, min(hop, 2 * n_fft)
    spectrum = torch.randn(
        1, n_frames, n_fft // 2 + 1, dtype=torch.complex64, generator=torch.Generator().manual_seed(0)
    )
    window = torch.hann_window(n_fft)
    sound, weight = torch.zeros(2, (n_frames - 1) * hop + n_fft)
    for index, frame in enumerate(torch.fft.irfft(spectrum[0], n_fft)):
        sound[index * hop : index * hop + n_fft] += frame * window
        weight[index * hop : index * hop + n_fft] += window.square()
    left = (n_fft - hop) // 2
    expected = (sound / weight.clamp_min(1e-8))[left : left + n_frames * hop]
    torch.testing.assert_close(overlap_add(spectrum, window, hop_length=hop)[0], expected, rtol=1e-4, atol=1e-5)


@settings(max_examples=20)
@given(n_frames=st.integers(1, 30), batch=st.integers(1, 3))
def test_a_frame_gives_a_hop_of_samples_a_pitch_and_a_voicing(n_frames: int, batch: int) -> None:
    output = small()(torch.randn(batch, n_frames, 5))
    assert output.samples.shape == (batch, n_frames * 8)
    assert output.log_pitch.shape == output.voicing.shape == (batch, n_frames)
    for tensor in (output.samples, output.log_pitch, output.voicing):
        assert tensor.dtype == torch.float32
        assert tensor.isfinite().all()


@torch.no_grad()
def differing_frames(vocoder: FrameVocoder, pitch: torch.Tensor | None) -> torch.Tensor:
    """Which of 40 frames sound differently when the 20th is another one."""
    frames = torch.randn(1, 40, 5)
    changed = frames.clone()
    changed[0, 20] += 1
    before, after = (vocoder(each, pitch=pitch).samples for each in (frames, changed))
    return (before - after).abs()[0].view(40, 8).amax(dim=1) > 0


CONVOLUTIONS = 3
"""Frames that the first convolution and two blocks reach, one each."""
WINDOW = 2
"""Frames that half a window reaches, (n_fft - hop) / 2 / hop, rounded up."""


def test_a_frame_changes_earlier_sound_only_within_the_kernels_a_pitch_line_and_two_windows() -> None:
    differs = differing_frames(small(), None)
    reach = CONVOLUTIONS + 1 + 2 * WINDOW
    assert differs[20]
    assert not differs[: 20 - reach].any()


def test_a_frame_changes_all_later_sound_through_the_phase() -> None:
    assert differing_frames(only_pulses(), None)[20:].all()


def test_where_the_pitch_is_given_a_frame_reaches_no_further_than_the_kernels_and_a_window() -> None:
    differs = differing_frames(small(), torch.full((1, 40), 190.0))
    reach = CONVOLUTIONS + WINDOW
    assert differs[20]
    assert not differs[: 20 - reach].any()
    assert not differs[20 + reach + 1 :].any()


@settings(max_examples=20)
@given(n_frames=st.integers(1, 40), n_more=st.integers(1, 40))
@torch.no_grad()
def test_frames_put_behind_do_not_change_earlier_sound_beyond_the_reach(n_frames: int, n_more: int) -> None:
    vocoder, frames = small(), torch.randn(1, n_frames + n_more, 5, generator=torch.Generator().manual_seed(n_frames))
    settled = max(0, n_frames - CONVOLUTIONS - 1 - 2 * WINDOW) * 8
    alone, longer = vocoder(frames[:, :n_frames]).samples, vocoder(frames).samples
    torch.testing.assert_close(longer[:, :settled], alone[:, :settled], rtol=0, atol=1e-3)


@torch.no_grad()
def test_a_given_pitch_is_followed() -> None:
    """The independent judge is a tracker that knows nothing of pulses; its bins are 2 % wide."""
    vocoder = only_pulses(n_fft=1280, hop_length=320, sampling_rate=24_000)
    vocoder.head.bias[: vocoder.n_bins] = -torch.arange(vocoder.n_bins) / 30  # low harmonics are louder, as in a voice
    pitch = 170 + 60 * torch.sin(torch.arange(90) / 12)
    samples = vocoder(torch.randn(1, 90, 5), pitch=pitch[None]).samples
    track = track_pitch(Waveform(samples / samples.abs().max(), 24_000), hop_length=320)
    inner = slice(5, -5)
    assert track.voiced[inner].all()
    assert (torch.log(track.f0 / pitch)[inner].abs() < math.log(1.02)).all()


@torch.no_grad()
def test_a_pitch_that_no_voice_has_is_brought_into_range() -> None:
    vocoder, frames = small(), torch.randn(1, 10, 5)
    for wild, tame in ((1.0, 50.0), (5000.0, 600.0)):
        one, other = (vocoder(frames, pitch=torch.full((1, 10), hertz)).samples for hertz in (wild, tame))
        assert torch.equal(one, other)


@given(n_frames=st.integers(0, 2 * NOISE_FRAMES + 10), batch=st.integers(1, 3))
@settings(max_examples=10)
def test_the_fixed_noise_does_not_depend_on_row_call_or_how_many_frames_follow(n_frames: int, batch: int) -> None:
    vocoder, other = small(), small()
    before = torch.get_rng_state()
    noise = vocoder.fixed_noise(batch, n_frames)
    assert noise.shape == (batch, n_frames, 17, 2)
    assert all(torch.equal(row, noise[0]) for row in noise)
    assert torch.equal(other.fixed_noise(1, n_frames + 5)[:, :n_frames], noise[:1])
    assert torch.equal(torch.get_rng_state(), before)


def test_the_fixed_noise_is_standard_normal() -> None:
    """34,816 values: means lie within 5 / sqrt(n) = 0.027 of 0, deviations within 0.02 of 1."""
    noise = small().fixed_noise(1, NOISE_FRAMES)
    assert abs(float(noise.mean())) < 0.027
    assert abs(float(noise.std()) - 1) < 0.02


def test_every_parameter_gets_a_gradient() -> None:
    vocoder = small().train()
    output = vocoder(torch.randn(1, 12, 5))
    (output.samples.square().mean() + output.log_pitch.mean() + output.voicing.mean()).backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in vocoder.parameters())


def test_the_pitch_gets_no_gradient_from_the_sound() -> None:
    vocoder = small().train()
    vocoder(torch.randn(1, 12, 5)).samples.square().mean().backward()
    without = {name for name, parameter in vocoder.named_parameters() if parameter.grad is None}
    assert without == {"pitch_head.weight", "pitch_head.bias"}


def test_magnitudes_are_limited_so_that_nothing_overflows() -> None:
    vocoder = small()
    torch.nn.init.constant_(vocoder.head.bias, 1000.0)
    assert vocoder(torch.zeros(1, 10, 5)).samples.isfinite().all()


@pytest.mark.parametrize("initial_scale", [0.0, 0.5])
def test_a_block_adds_to_its_input(initial_scale: float) -> None:
    block = ConvNeXtBlock(4, 8, kernel_size=3, initial_scale=initial_scale)
    hidden = torch.randn(1, 6, 4)
    assert torch.equal(block(hidden), hidden) == (initial_scale == 0)


def loudness(samples: torch.Tensor) -> torch.Tensor:
    """Magnitudes of a spectrum, which do not hear the phase."""
    return torch.stft(samples, 64, 16, window=torch.hann_window(64), return_complex=True).abs()


@torch.no_grad()
def test_bfloat16_stays_close_to_single_precision_in_spectrum_and_pitch() -> None:
    """Not in samples: where pulses stand is the sum of all pitch before, and so of all its rounding errors."""
    vocoder, frames = small(), torch.randn(1, 60, 5, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16):
        rough = vocoder(frames)
    exact = vocoder(frames)
    assert rough.samples.dtype == torch.float32
    assert (rough.log_pitch - exact.log_pitch).abs().max() < 0.01
    assert (loudness(rough.samples) - loudness(exact.samples)).norm() < 0.1 * loudness(exact.samples).norm()


@pytest.mark.parametrize("n_bins", [3, 16, 17])
def test_the_head_gives_while_speaking_what_it_gives_while_training(n_bins: int) -> None:
    head, inputs = SpectrumHead(8, n_bins), torch.randn(2, 5, 8)
    with torch.no_grad():
        spoken = head(inputs)
    torch.testing.assert_close(spoken, head(inputs).detach(), rtol=1e-6, atol=1e-6)
