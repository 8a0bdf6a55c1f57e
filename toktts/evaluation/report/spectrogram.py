"""Sound -> a small picture of it, on a scale that makes pictures comparable."""

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from toktts.alignment import Alignment
from toktts.audio import Waveform

WINDOW_S = 0.032
HOP_S = 0.008
RANGE_DB = 80.0
WIDTH_IN, WIDEST_IN, HEIGHT_IN = 3.2, 12.0, 1.3
IN_A_SECOND, TIER_IN, MARGIN_IN = 2.4, 0.17, 0.304


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


def draw_spectrogram(
    waveform: Waveform, tiers: Sequence[Alignment] = (), *, width_in: float | None = None, height_in: float = HEIGHT_IN
) -> Figure:
    """Draw one clip: seconds to the right, kHz upwards, 0 to -80 dB in colour, and below what is said when.

    Args:
        waveform: one clip.
        tiers: of it, as words and phonemes.
        width_in: inches; None = 3.2, and with tiers 2.4 a second, from there up to 12.
        height_in: inches, without the tiers.
    """
    wanted = max(WIDTH_IN, min(WIDEST_IN, IN_A_SECOND * waveform.duration_s)) if tiers else WIDTH_IN
    width = wanted if width_in is None else width_in
    height = height_in + TIER_IN * len(tiers)
    figure = Figure(figsize=(width, height))
    left, inner = MARGIN_IN / width, 1 - (MARGIN_IN + 0.03) / width
    axes = figure.add_axes((left, (0.26 + TIER_IN * len(tiers)) / height, inner, (height_in - 0.325) / height))
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
    for number, tier in enumerate(reversed(tiers)):
        row = figure.add_axes((left, TIER_IN * number / height, inner, TIER_IN / height))
        _draw_units(row, tier, waveform.duration_s)
    return figure


def _draw_units(axes: Axes, tier: Alignment, duration_s: float) -> None:
    axes.set_xlim(0, max(duration_s, tier.duration_s, 1e-3))
    axes.set_ylim(0, 1)
    axes.set_axis_off()
    for span in tier:
        box = Rectangle((span.start_s, 0.02), span.duration_s, 0.96, facecolor="#eeeeee", edgecolor="#999999", lw=0.5)
        axes.add_patch(box)
        middle = (span.start_s + span.end_s) / 2
        label = axes.text(
            middle, 0.45, span.label, fontsize=6, ha="center", va="center", clip_on=True, parse_math=False
        )
        label.set_clip_path(box)  # not over its neighbours


def figure_png(figure: Figure, *, dpi: int = 90) -> bytes:
    """Render a figure, the same bytes each time."""
    png = io.BytesIO()
    figure.set_dpi(dpi)
    FigureCanvasAgg(figure).print_png(png, metadata={"Software": None})  # type: ignore[no-untyped-call]
    return png.getvalue()
