"""Some clips through the codec and back -> whether the codec knows this voice, or should be tuned to it first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from toktts.audio import Waveform
from toktts.audio.reading import Finding as Noticed
from toktts.audio.reading import read_clip
from toktts.codecs._base import Codec
from toktts.codecs._vocoder_codec import VocoderCodec
from toktts.data.corpora._base import Utterance
from toktts.data.encoding import ClipSettings
from toktts.errors import AudioError, MissingPackageError
from toktts.evaluation._base import Metric, Sample
from toktts.evaluation.judging.metrics import load_metrics
from toktts.evaluation.judging.summary import Judged, judge, summarize
from toktts.inference.resynth import round_trip

N_CLIPS = 24
ALWAYS = ("mcd", "f0_error", "voicing_error")
WITH_PACKAGES = ("wer", "mos")
CODED, ORIGINALS = "codec", "originals"

# Measured on 24 clips of the demo corpus, chosen by hash with seed 0, through the codec of this package; seeds 1 to 3
# give 1.98 to 2.05 dB, 32 to 38 cents and 4.2 to 4.6 %.
REFERENCE: Final[Mapping[str, float]] = {"mcd": 2.01, "f0_error": 32.8, "voicing_error": 4.79}
"""What the codec in the package does to the voice it was trained on."""
# A voice of its own: 2.0 dB, no clip above 2.7. LJSpeech: 4.6 dB before it was tuned to it (no clip below 4.2, 27 % of
# the words wrong), 2.5 dB after (7 %). The demo voice through the codec that was tuned to LJSpeech: 3.5 dB.
KNOWN_BELOW: Final = 3.2
"""Mel-cepstral distortion, in dB, up to which a codec knows a voice."""


@dataclass(frozen=True)
class CodecVerdict:
    """What a codec does to a voice.

    Args:
        figures: by column (`codec`, `originals`), then by metric: the mean.
        clips: by id, the metrics of the coded clip.
        units: of the metrics, by name.
        can_learn: whether the codec can be tuned to a voice.
        missing: why words and naturalness were not judged; "" if they were.
    """

    figures: Mapping[str, Mapping[str, float]]
    clips: Mapping[str, Mapping[str, float]]
    units: Mapping[str, tuple[str, str]]
    can_learn: bool
    missing: str = ""

    @property
    def knows_voice(self) -> bool:
        """Whether what comes back is near enough."""
        return self.figures[CODED]["mcd"] <= KNOWN_BELOW

    @property
    def reason(self) -> str:
        """The figures that decide, in words."""
        return f"mel-cepstral distortion {self.figures[CODED]['mcd']:.1f} dB, fine up to {KNOWN_BELOW:.1f}"

    def rows(self) -> list[list[str]]:
        """A table as words: a heading, then a row a metric."""
        columns = {"this voice": self.figures[CODED], "bundled codec, its own voice": REFERENCE}
        columns |= {"originals": self.figures[ORIGINALS]} if self.figures[ORIGINALS] else {}
        table = [["through the codec", *columns]]
        for name in self.figures[CODED]:
            title, unit = self.units[name]
            cells = [f"{column[name]:.4g}" if name in column else "-" for column in columns.values()]
            table.append([f"{title}{f', {unit}' if unit else ''}", *cells])
        return table


def judge_codec(
    utterances: Sequence[Utterance], codec: Codec, settings: ClipSettings, *, metrics: Sequence[Metric] | None = None
) -> CodecVerdict | None:
    """Send clips through a codec and back, and compare.

    Args:
        utterances: clips to take; those that cannot be read are left out.
        codec: of any kind.
        settings: how files become clips.
        metrics: with `mcd` among them; None = those that need no package, and with the
            judges installed words and naturalness.
    Returns:
        None if no clip can be read.
    """
    chosen, missing = _metrics() if metrics is None else (list(metrics), "")
    coded: list[Judged] = []
    originals: list[Judged] = []
    for utterance in utterances:
        clip = _read(utterance, codec, settings)
        if clip is not None:
            original = Sample(id=utterance.id, text=utterance.text, speech=clip)
            coded += judge([replace(original, speech=round_trip(clip, codec), reference=clip)], chosen)
            originals += judge([original], chosen)
    if not coded:
        return None
    return CodecVerdict(
        figures={CODED: _means(coded, chosen), ORIGINALS: _means(originals, chosen)},
        clips={item.id: {name: score.value for name, score in item.scores.items()} for item in coded},
        units={metric.name: (metric.title, metric.unit) for metric in chosen},
        can_learn=isinstance(codec, VocoderCodec),
        missing=missing,
    )


def _metrics() -> tuple[list[Metric], str]:
    """Metrics that work here, and why the others do not."""
    metrics, missing = load_metrics(ALWAYS), ""
    for metric in load_metrics(WITH_PACKAGES):
        try:
            metric.prepare()
            metrics.append(metric)
        except MissingPackageError as error:
            missing = error.message.rpartition("; ")[2]
    return metrics, missing


def _read(utterance: Utterance, codec: Codec, settings: ClipSettings) -> Waveform | None:
    try:
        return read_clip(
            utterance.audio,
            sampling_rate=codec.sampling_rate,
            mono=settings.mono,
            min_samples=codec.hop_length,
            report=_counted_elsewhere,
        )
    except AudioError:
        return None


def _counted_elsewhere(_noticed: Noticed) -> None:
    """What is noticed about a clip is a finding about its sound already."""


def _means(judged: Sequence[Judged], metrics: Sequence[Metric]) -> dict[str, float]:
    found = {
        metric.name: summarize([item.scores[metric.name] for item in judged if metric.name in item.scores])
        for metric in metrics
    }
    return {name: summary.mean for name, summary in found.items() if summary is not None}
