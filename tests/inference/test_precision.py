"""Half precision while speaking: rounded products, everything else untouched."""

import copy

import pytest
import torch
from torch import nn

from toktts.codecs.melrvq import MelRVQ, MelRVQOptions
from toktts.errors import ModelError
from toktts.inference.loading import set_precision
from toktts.models.fastspeech2 import FastSpeech2
from toktts.models.modules.precision import computes_bfloat16, multiply_in_bfloat16
from toktts.models.toknar import Toknar, ToknarConfig
from toktts.training.arguments import best_precision

needs_bfloat16 = pytest.mark.skipif(not computes_bfloat16(), reason="this CPU does not compute in bfloat16")
IDS = torch.tensor([[5, 9, 7, 30, 12, 1]])


def wide_voice() -> Toknar:
    """A voice with layers wide enough to be rounded."""
    torch.manual_seed(0)
    options = MelRVQOptions(
        n_mels=20, n_fft=640, codebook_size=16, hidden_size=128, intermediate_size=256, num_hidden_layers=1
    )
    model = Toknar(
        ToknarConfig(
            n_codebooks=2,
            codebook_size=16,
            text_limit=64,
            hidden_size=128,
            encoder_layers=1,
            decoder_layers=1,
            decoder_intermediate_size=256,
            fine_layers=1,
            max_frames=96,
            max_frames_per_unit=8,
        )
    )
    model.eval()
    return model.attach_codec(MelRVQ(options))


def test_a_rounded_layer_stays_within_the_error_of_bfloat16() -> None:
    torch.manual_seed(0)
    layer, inputs = nn.Linear(256, 256), torch.randn(3, 5, 256)
    exact = layer(inputs)
    assert multiply_in_bfloat16(nn.ModuleList([layer])) == 1
    rounded = layer(inputs)
    assert rounded.dtype == torch.bfloat16
    assert 0 < (rounded - exact).abs().max() < 2**-5


def test_a_rounded_convolution_keeps_its_padding_and_a_depthwise_one_is_left_alone() -> None:
    torch.manual_seed(0)
    dense, depthwise = nn.Conv1d(64, 128, 7, padding=3), nn.Conv1d(8192, 8192, 5, padding=2, groups=8192)
    inputs = torch.randn(2, 64, 9)
    exact = dense(inputs)
    assert multiply_in_bfloat16(nn.ModuleList([dense, depthwise])) == 1
    assert dense(inputs).shape == exact.shape
    assert 0 < (dense(inputs) - exact).abs().max() < 2**-4


def test_small_layers_and_all_that_is_saved_stay_as_they_are() -> None:
    net = nn.Sequential(nn.Linear(256, 256), nn.Linear(256, 2))
    before = copy.deepcopy(net.state_dict())
    assert multiply_in_bfloat16(net) == 1
    after = net.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], before[name]) for name in before)


@needs_bfloat16
def test_a_rounded_voice_takes_the_same_time_for_every_unit() -> None:
    model = wide_voice()
    exact = model.generate(IDS)
    set_precision(model, "bfloat16")
    rounded = model.generate(IDS)
    assert torch.equal(rounded.n_frames, exact.n_frames)
    assert torch.equal(rounded.units, exact.units)
    assert not torch.equal(rounded.audio[0], exact.audio[0])
    assert rounded.audio[0].dtype == torch.float32


def test_float32_changes_nothing() -> None:
    model = wide_voice()
    exact = model.generate(IDS)
    set_precision(model, "float32")
    assert torch.equal(model.generate(IDS).audio[0], exact.audio[0])


def test_a_machine_without_bfloat16_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toktts.inference.loading.computes_bfloat16", lambda _device: False)
    with pytest.raises(ModelError, match=r"precision: cpu does not compute in bfloat16; leave it at float32"):
        set_precision(wide_voice(), "bfloat16")


def test_a_voice_that_nothing_can_be_rounded_of_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toktts.inference.loading.computes_bfloat16", lambda _device: True)
    message = r"precision: nothing of this fastspeech2 voice and its GriffinLim may be rounded; leave it at float32"
    with pytest.raises(ModelError, match=message):
        set_precision(FastSpeech2.tiny(), "bfloat16")


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(ModelError, match=r"precision: must be 'float32' or 'bfloat16', got 'float16'; change it"):
        set_precision(Toknar.tiny(), "float16")  # type: ignore[arg-type]


def test_training_reads_the_same_flags() -> None:
    if not torch.accelerator.is_available():
        assert bool(best_precision()) == computes_bfloat16()
