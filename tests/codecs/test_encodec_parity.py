"""Our EnCodec against the authors' own package, with the same random weights."""

import importlib.util
import re
import sys
import types
from typing import Any

import pytest
import torch
from transformers import EncodecConfig, EncodecModel

from toktts.audio import Waveform
from toktts.codecs._random_encodec import random_encodec
from toktts.codecs.encodec import HuggingFaceCodec

pytestmark = [
    pytest.mark.medium,
    pytest.mark.skipif(
        importlib.util.find_spec("encodec") is None, reason="needs encodec: scripts/install_extras parity"
    ),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


def original_name(ours: str) -> str:
    """Translate a weight's name from transformers to the encodec package."""
    name = ours.replace(".layers.", ".model.", 1) if not ours.startswith("quantizer") else ours
    name = name.replace("quantizer.layers.", "quantizer.vq.layers.").replace(".codebook.", "._codebook.")
    name = re.sub(r"\.conv\.(?=bias|parametrizations)", ".conv.conv.", name)
    name = name.replace("parametrizations.weight.original0", "weight_g")
    return name.replace("parametrizations.weight.original1", "weight_v")


def original_with(model: EncodecModel, monkeypatch: pytest.MonkeyPatch) -> Any:
    # It asks for torchaudio, which has no build for a CPU-only torch, only to read files.
    monkeypatch.setitem(sys.modules, "torchaudio", types.ModuleType("torchaudio"))
    import encodec

    original = encodec.EncodecModel.encodec_model_24khz(pretrained=False)
    weights = {original_name(key): weight for key, weight in model.state_dict().items()}
    for key in [key for key in original.state_dict() if ".convtr.convtr." in key]:
        weights[key] = weights.pop(key.replace(".convtr.convtr.", ".conv.conv."))
    original.load_state_dict(weights)
    original.set_target_bandwidth(1.5)
    return original


@torch.inference_mode()
def test_codes_and_sound_equal_those_of_the_encodec_package(monkeypatch: pytest.MonkeyPatch) -> None:
    model = random_encodec(EncodecConfig(), seed=0)
    codec = HuggingFaceCodec(model, bandwidth_kbps=1.5)
    original = original_with(model, monkeypatch)
    samples = torch.rand(2, 24_000, generator=torch.Generator().manual_seed(1)) - 0.5

    codes = codec.encode(Waveform(samples, 24_000))
    [(original_codes, scale)] = original.encode(samples[:, None])
    assert scale is None
    assert torch.equal(codes, original_codes)
    assert len(codes.unique()) > 50

    sound = codec.decode(codes).samples
    assert torch.allclose(sound, original.decode([(codes, None)])[:, 0].clamp(-1, 1), atol=1e-4)
    assert float(sound.std()) > 1e-3
