"""Sound -> a small picture of it, on a scale that makes pictures comparable."""

import io

import numpy as np
import numpy.typing as npt
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from toktts.audio import Waveform

WINDOW_S = 0.032
HOP_S = 0.008
RANGE_DB = 80.0


def spectrogram_db(waveform: Waveform) -> npt.NDArray[np.float32]:
    """Measure the level of one clip over time and frequency.

    Args:
        waveform: one clip, of any length, one sample included.
    Returns:
        float32 (n_bins, n_frames), dB below a full-scale sine, in [-80, 0]; bin 0 is 0 Hz, the last one half the rate.
    """
    samples = waveform.samples[0, : int(waveform.row_lengths[0])].detach().cpu()
    n_fft = 2 * round(WINDOW_S * waveform.sampling_rate / 2)
    padded = torch.nn.functional.pad(samples, (n_fft // 2, n_fft // 2))
    window = torch.hann_window(n_fft)
    hop_length = max(1, round(HOP_S * waveform.sampling_rate))
    spectrum = torch.stft(padded, n_fft, hop_length, window=window, center=False, return_complex=True)
    # A sine of amplitude 1 has magnitude sum(window) / 2 in its bin.
    level = 20 * torch.log10(spectrum.abs() / (window.sum() / 2) + 1e-9)
    clamped: npt.NDArray[np.float32] = level.clamp(-RANGE_DB, 0).numpy()
    return clamped


def draw_spectrogram(waveform: Waveform, *, width_in: float = 3.2, height_in: float = 1.3) -> Figure:
    """Draw one clip: seconds to the right, kHz upwards, 0 to -80 dB in colour.

    Args:
        waveform: one clip.
        width_in: inches.
        height_in: inches.
    """
    figure = Figure(figsize=(width_in, height_in))
    axes = figure.add_axes((0.095, 0.2, 0.895, 0.75))
    axes.imshow(
        spectrogram_db(waveform),
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=-RANGE_DB,
        vmax=0,
        extent=(0, waveform.duration_s, 0, waveform.sampling_rate / 2000),
    )
    axes.set_yticks(range(0, waveform.sampling_rate // 2000 + 1, 4))
    axes.set_xlabel("s", fontsize=7, labelpad=0)
    axes.set_ylabel("kHz", fontsize=7, labelpad=0)
    axes.tick_params(labelsize=6, length=2, pad=1)
    return figure


def figure_png(figure: Figure, *, dpi: int = 90) -> bytes:
    """Render a figure, the same bytes each time."""
    png = io.BytesIO()
    figure.set_dpi(dpi)
    FigureCanvasAgg(figure).print_png(png, metadata={"Software": None})  # type: ignore[no-untyped-call]
    return png.getvalue()
