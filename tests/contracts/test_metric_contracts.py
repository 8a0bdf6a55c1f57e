"""What every metric promises: the best score for perfect speech, a worse one for damage, and an answer for the rest."""

import dataclasses
import importlib.util
from itertools import islice

import pytest
import torch

from toktts.audio import Waveform, resample
from toktts.audio.reading import read_clip
from toktts.data.corpora.demo import Demo
from toktts.errors import AudioError, ToktsError
from toktts.evaluation._base import NEEDS, Metric, Sample
from toktts.evaluation._speaker import SpeakerEncoder
from toktts.evaluation.judging.metrics import load_metrics, metric_names

TEXT = "Three boats left the harbor."
# Real speech, for a judge of naturalness knows a buzz from a voice.
CLIP = read_clip(next(islice(Demo(), 40, None)).audio, sampling_rate=24_000)
VOICE = (CLIP,)
CODES = torch.arange(20).view(2, 10)


def hear(waveform: Waveform) -> str:
    """Ears that know one clip, and mishear every other."""
    if torch.equal(waveform.samples, CLIP.samples):
        return TEXT
    return "Three goats left." if waveform.samples.abs().sum() else ""


@pytest.fixture(params=metric_names())
def metric(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Metric:
    if request.param == "mos" and importlib.util.find_spec("distillmos") is None:
        pytest.skip("distillmos is not installed (scripts/install_extras evaluation)")
    if importlib.util.find_spec("resemblyzer") is None:
        torch.manual_seed(0)
        encoder = SpeakerEncoder().eval()
        for weights in encoder.parameters():
            weights.data *= 3.0  # random ones hardly listen
        monkeypatch.setattr(SpeakerEncoder, "load", lambda: encoder)
    return load_metrics([request.param], transcribe=hear)[0]


def sample(speech: Waveform, *, codes: torch.Tensor = CODES, compute_s: float = 0.0) -> Sample:
    return Sample(
        speech=speech,
        id="clip",
        text=TEXT,
        reference=CLIP,
        voice=VOICE,
        codes=codes,
        reference_codes=CODES,
        compute_s=compute_s,
        acoustic_s=compute_s,
    )


def damaged() -> Sample:
    """Slower, lower, hissing, and noise where the second half should be."""
    slow = resample(CLIP, 30_000).samples[0]
    noise = 0.05 * torch.randn(len(slow), generator=torch.Generator().manual_seed(0))
    half = len(slow) // 2
    return sample(
        Waveform(torch.cat([slow[:half], 0 * slow[half:]]) + noise, 22050), codes=CODES.flip(0), compute_s=2.0
    )


def test_perfect_speech_scores_best_and_damage_worse(metric: Metric) -> None:
    perfect, worse = metric.score(sample(CLIP)), metric.score(damaged())
    assert perfect is not None
    assert worse is not None
    assert (perfect.value > worse.value) == metric.higher_is_better
    assert perfect.value != worse.value


def test_perfect_speech_has_no_error(metric: Metric) -> None:
    best = {"speaker_similarity": 1.0, "token_accuracy": 100.0}
    score = metric.score(sample(CLIP))
    assert score is not None
    if metric.name != "mos":
        assert score.value == pytest.approx(best.get(metric.name, 0.0), abs=1e-5)


def test_the_same_sample_scores_the_same(metric: Metric) -> None:
    assert metric.score(damaged()) == metric.score(damaged())


@pytest.mark.parametrize("sampling_rate", [12_000, 22_050, 44_100])
def test_the_sampling_rate_hardly_matters(metric: Metric, sampling_rate: int) -> None:
    if metric.name in ("wer", "cer", "mos"):
        pytest.skip("the ears of this test know one clip only, and naturalness does hear a narrow band")
    speech = resample(CLIP, sampling_rate)
    ours, other = metric.score(sample(CLIP)), metric.score(sample(speech))
    assert ours is not None
    assert other is not None
    scale = {"": 1.0, "%": 100.0, "dB": 10.0, "cents": 100.0}[metric.unit]
    assert abs(ours.value - other.value) < (0.4 if sampling_rate == 12_000 else 0.15) * scale


@pytest.mark.parametrize(
    "speech",
    [
        Waveform(torch.zeros(0), 24_000),
        Waveform(torch.zeros(1), 24_000),
        Waveform(torch.zeros(24_000), 24_000),
        Waveform(torch.full((1,), 0.5), 8000),
        Waveform(CLIP.samples[:, :4800], 24_000),
    ],
    ids=["empty", "one silent sample", "silence", "one sample", "a fifth of a second"],
)
def test_the_shortest_speech_gets_a_score_or_none(metric: Metric, speech: Waveform) -> None:
    score = metric.score(sample(speech, codes=CODES[:, :0], compute_s=0.1))
    perfect = metric.score(sample(CLIP))
    assert perfect is not None
    if score is None:
        assert metric.name in ("f0_error", "real_time_factor", "acoustic_real_time_factor")
    else:
        assert score.value == score.value  # not NaN
        assert (score.value - perfect.value) * (1 if metric.higher_is_better else -1) <= 1e-6


def test_a_silent_recording_is_no_yardstick_but_no_fault(metric: Metric) -> None:
    silence = Waveform(torch.zeros(8000), 24_000)
    score = metric.score(dataclasses.replace(sample(CLIP), reference=silence, voice=(silence,)))
    assert score is None or score.value == score.value


def test_a_text_without_words_cannot_be_misheard() -> None:
    for metric in load_metrics(["wer", "cer"], transcribe=hear):
        for text in ("", "...", "\u4f60\u597d"):
            assert metric.score(dataclasses.replace(sample(CLIP), text=text)) is None


def test_what_is_missing_is_named(metric: Metric) -> None:
    bare = Sample(speech=CLIP)
    if not metric.needs:
        assert metric.can_score(bare)
        return
    assert not metric.can_score(bare)
    with pytest.raises(
        ToktsError, match=f"{metric.name}: needs {NEEDS[metric.needs[0]]}; give it as {metric.needs[0]}"
    ):
        metric.score(bare)


def test_broken_samples_are_refused(metric: Metric) -> None:
    with pytest.raises(AudioError, match="clip: samples are not finite"):
        metric.score(sample(Waveform(torch.tensor([0.0, float("nan")]), 24_000)))
    with pytest.raises(AudioError, match="clip: holds 2 clips, a sentence is one"):
        metric.score(sample(Waveform(torch.zeros(2, 100), 24_000)))


def test_a_metric_says_what_its_numbers_mean(metric: Metric) -> None:
    assert metric.title
    assert set(metric.needs) <= set(NEEDS)
    assert (type(metric).__doc__ or "").strip()
