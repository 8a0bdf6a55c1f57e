"""Which numbers can be a mel: the same for files and for codecs."""

from pathlib import Path

import numpy as np
import pytest
import torch
from toy_codec import ToyCorpus, sound, utterance

from toktts.audio import Waveform
from toktts.codecs.griffin_lim import GriffinLim
from toktts.data.cache import build_token_cache
from toktts.data.encoding import ClipSettings
from toktts.data.mel_file import MEL_LIMIT, read_mel_file
from toktts.errors import AudioError, CodecError

VALUES = [float("nan"), float("inf"), -float("inf"), -100.0, MEL_LIMIT, -MEL_LIMIT]


class Constant(GriffinLim):
    """Hears the same value everywhere."""

    value = 0.0

    def encode(self, waveform: Waveform) -> torch.Tensor:
        return torch.full_like(super().encode(waveform), self.value)


def constant(value: float) -> Constant:
    codec = Constant(GriffinLim.tiny().log_mel, n_iterations=1)
    codec.value = value
    return codec


@pytest.mark.parametrize("value", VALUES)
def test_what_is_no_logarithm_is_refused_from_a_file_and_from_a_codec(tmp_path: Path, value: float) -> None:
    np.save(tmp_path / "a.npy", np.array([[-5.0, value]]))
    with pytest.raises(AudioError, match="no natural logarithms of a mel; write it again"):
        read_mel_file(tmp_path / "a.npy", n_mels=1)
    corpus = ToyCorpus([utterance("a", sound("a", 4800))])
    with pytest.raises(CodecError, match="gives a mel that is not finite, or no logarithm; choose another codec"):
        build_token_cache(corpus, constant(value), settings=ClipSettings(), cache_dir=tmp_path)


@pytest.mark.parametrize("value", [-49.0, -11.5, 0.0, 49.0])
def test_logarithms_are_taken_from_both(tmp_path: Path, value: float) -> None:
    np.save(tmp_path / "a.npy", np.array([[value]]))
    assert read_mel_file(tmp_path / "a.npy", n_mels=1).tolist() == [[value]]
    corpus = ToyCorpus([utterance("a", sound("a", 4800))])
    assert build_token_cache(corpus, constant(value), settings=ClipSettings(), cache_dir=tmp_path).n_clips == 1
