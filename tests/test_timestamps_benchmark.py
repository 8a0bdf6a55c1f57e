"""What the table of timestamps says of differences it is given."""

import pytest
import torch

pytest.importorskip("pocketsphinx", reason="needs pocketsphinx (pip install 'toktts[align]')")

from benchmarks import timestamps
from toktts.alignment import Alignment
from toktts.audio import Waveform


def test_differences_are_counted_apart_for_starts_and_ends() -> None:
    ours = Alignment.from_durations(["a", "b"], [50, 50], frame_rate=100.0, tier="word")
    theirs = Alignment.from_durations(["a", "b"], [40, 60], frame_rate=100.0, tier="word")
    comparison = timestamps.Comparison()
    comparison.add(Waveform(torch.ones(1, 16_000), 16_000), ours, theirs)
    starts, ends, both = list(comparison.rows("x"))[:3]
    assert starts == ("x, words: starts", "2", "50.0%", "50.0%", "100.0%", "50 ms", "100 ms", "50 ms")
    assert ends[:2] == ("x, words: ends", "2")
    assert both[1] == "4"
    assert len(both) == len(timestamps.HEAD)


def test_a_clip_is_audible_where_it_is_loud() -> None:
    samples = torch.zeros(1, 16_000)
    samples[0, 4000:8000] = 0.5
    assert timestamps.audible(Waveform(samples, 16_000)) == (0.25, 0.5)
