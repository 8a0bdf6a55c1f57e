"""Naturalness, as listeners would rate it."""

import contextlib
import importlib.util
import io
import sys
import types
from collections.abc import Iterator
from typing import Any

import torch

from toktts.evaluation._base import Metric, Sample, Score
from toktts.evaluation._packages import require
from toktts.evaluation._sound import is_silent, judge_samples

LOWEST = 1.0


class MeanOpinionScore(Metric):
    """DistillMOS: what a listener would say from 1 (bad) to 5 (excellent). Silence gets 1.

    It listens closely to the highest frequencies, so figures depend on how sound came to 16 kHz: 24 clips of LJSpeech
    have 4.40 by soxr, as here, and 4.26 by scipy. Compare what was resampled alike, as originals beside a voice are.

    Source: Stahl and Gamper 2025, "Distillation and Pruning for Scalable Self-Supervised Representation-Based Speech
    Quality Assessment".
    """

    title = "MOS"
    unit = ""
    higher_is_better = True
    needs = ()

    def __init__(self) -> None:
        self._model: Any = None

    def prepare(self) -> None:
        """Load the model."""
        if self._model is None:
            with _without_torchaudio(), contextlib.redirect_stdout(io.StringIO()):
                model = require("distillmos", package="distillmos").ConvTransformerSQAModel()
            self._model = model.train(mode=False)

    def _score(self, sample: Sample) -> Score:
        samples = judge_samples(sample.speech)
        if is_silent(samples):
            return Score(LOWEST)
        self.prepare()
        with torch.inference_mode():
            return Score(float(self._model(samples[None])))


@contextlib.contextmanager
def _without_torchaudio() -> Iterator[None]:
    """Let the package import a torchaudio that is not there, which it only reads files with.

    The stand-in goes again: who finds it later would take torchaudio for installed.
    """
    if "torchaudio" in sys.modules or importlib.util.find_spec("torchaudio") is not None:
        yield
        return
    sys.modules["torchaudio"] = types.ModuleType("torchaudio")
    try:
        yield
    finally:
        del sys.modules["torchaudio"]
