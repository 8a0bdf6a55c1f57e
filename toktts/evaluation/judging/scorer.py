"""A voice in training -> how much of a few fixed sentences is heard wrong, to choose the best checkpoint by."""

from collections.abc import Sequence

import torch

from toktts.audio import Waveform
from toktts.evaluation._base import Sample
from toktts.evaluation._hearing import Transcribe
from toktts.evaluation.judging.metrics import load_metrics
from toktts.evaluation.judging.sentences import sentence_set
from toktts.evaluation.judging.summary import judge, summarize
from toktts.inference import TokttsPipeline, as_waveform

NAMES = ("cer", "wer")
N_SENTENCES = 8
SEED = 0


class ErrorRateScorer:
    """Lets a voice speak the same sentences each time, and gives `cer` and `wer` in per cent.

    Args:
        texts: what is spoken; None = the first eight of the set `plain`.
        transcribe: gives the words of a clip; None = Whisper base.
    """

    def __init__(self, texts: Sequence[str] | None = None, *, transcribe: Transcribe | None = None) -> None:
        self.texts = [example.text for example in sentence_set("plain")[:N_SENTENCES]] if texts is None else texts
        self._metrics = load_metrics(NAMES, transcribe=transcribe)

    def prepare(self) -> None:
        """Load what hears, so that what is missing shows before the training.

        Raises:
            MissingPackageError: a package is not installed; the line says which command installs it.
        """
        for metric in self._metrics:
            metric.prepare()

    def __call__(self, pipe: TokttsPipeline) -> dict[str, float]:
        """Judge a voice as it is now; training draws the same random numbers afterwards as without this.

        Returns:
            `cer` and `wer`, per cent, 0 is best; silence has 100.
        """
        with torch.random.fork_rng():
            speeches = pipe(list(self.texts), seed=SEED)
        samples = (_sample(text, as_waveform(speech)) for text, speech in zip(self.texts, speeches, strict=True))
        judged = judge(samples, self._metrics)
        means = {name: summarize([item.scores[name] for item in judged if name in item.scores]) for name in NAMES}
        return {name: summary.mean for name, summary in means.items() if summary is not None}


def _sample(text: str, speech: Waveform) -> Sample:
    return Sample(speech=speech, text=text)
