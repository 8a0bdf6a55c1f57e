import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from toktts.codecs._mel import LogMel
from toktts.codecs._vocoder import ConvNeXtBlock, FrameVocoder, overlap_add


def small(**sizes: int) -> FrameVocoder:
    torch.manual_seed(0)
    shape = {"intermediate_size": 16, "num_hidden_layers": 2, "kernel_size": 3, "n_fft": 32, "hop_length": 8} | sizes
    return FrameVocoder(5, 8, **shape).eval()


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
@given(n_frames=st.integers(1, 30), batch=st.integers(1, 3))
def test_a_frame_gives_a_hop_of_samples(n_frames: int, batch: int) -> None:
    samples = small()(torch.randn(batch, n_frames, 5))
    assert samples.shape == (batch, n_frames * 8)
    assert samples.dtype == torch.float32
    assert samples.isfinite().all()


@torch.no_grad()
def test_a_frame_reaches_no_further_than_the_kernels_and_a_window() -> None:
    vocoder = small(num_hidden_layers=2, kernel_size=3)
    frames = torch.randn(1, 40, 5)
    changed = frames.clone()
    changed[0, 20] += 1
    differs = (vocoder(frames) - vocoder(changed)).abs()[0].view(40, 8).amax(dim=1) > 0
    reach = 3 + 2  # one frame a convolution (the first and two blocks), and n_fft / hop / 2 of the window
    assert differs[20]
    assert not differs[: 20 - reach].any()
    assert not differs[20 + reach + 1 :].any()


def test_every_parameter_gets_a_gradient() -> None:
    vocoder = small().train()
    vocoder(torch.randn(1, 12, 5)).square().mean().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in vocoder.parameters())


def test_magnitudes_are_limited_so_that_nothing_overflows() -> None:
    vocoder = small()
    torch.nn.init.constant_(vocoder.head.bias, 1000.0)
    assert vocoder(torch.zeros(1, 10, 5)).isfinite().all()


@pytest.mark.parametrize("initial_scale", [0.0, 0.5])
def test_a_block_adds_to_its_input(initial_scale: float) -> None:
    block = ConvNeXtBlock(4, 8, kernel_size=3, initial_scale=initial_scale)
    hidden = torch.randn(1, 6, 4)
    assert torch.equal(block(hidden), hidden) == (initial_scale == 0)


@torch.no_grad()
def test_bfloat16_stays_close_to_single_precision() -> None:
    vocoder, frames = small(), torch.randn(1, 20, 5, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16):
        rough = vocoder(frames)
    exact = vocoder(frames)
    assert rough.dtype == torch.float32
    assert (rough - exact).norm() < 0.1 * exact.norm()
