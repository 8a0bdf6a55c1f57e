"""A model or a codec that a caller brings is the same after a pipeline has spoken with it."""

from typing import Any

import numpy as np
import pytest
import torch

from toktts.codecs.melrvq import MelRVQ, MelRVQOptions
from toktts.inference import pipeline
from toktts.inference.borrowing import copy_around_weights
from toktts.models.toknar import Toknar, ToknarConfig
from toktts.tokens import build_tokenizer

IDS = torch.tensor([[5, 9, 7, 30, 12, 1]])
TEXT = "hello friend"


@pytest.fixture(autouse=True)
def any_machine_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toktts.inference.loading.computes_bfloat16", lambda _device: True)


def codec(seed: int) -> MelRVQ:
    torch.manual_seed(seed)
    made = MelRVQ(
        MelRVQOptions(
            n_mels=20, n_fft=640, codebook_size=16, hidden_size=128, intermediate_size=256, num_hidden_layers=1
        )
    )
    made.eval()
    return made


def voice() -> Toknar:
    """Wide enough for layers to be rounded."""
    torch.manual_seed(0)
    sizes = {"text_limit": 300, "hidden_size": 128, "encoder_layers": 1, "decoder_layers": 1, "fine_layers": 1}
    config = ToknarConfig(n_codebooks=2, codebook_size=16, decoder_intermediate_size=256, max_frames=96, **sizes)
    model = Toknar(config)
    model.eval()
    return model.attach_codec(codec(0))


def speaker(model: Toknar, **options: Any) -> Any:
    return pipeline(model, tokenizer=build_tokenizer("bytes"), device="cpu", **options)


@pytest.mark.parametrize("options", [{}, {"precision": "bfloat16"}])
def test_another_codec_and_precision_leave_a_model_as_it_was(options: dict[str, Any]) -> None:
    model, other = voice(), codec(1)
    own, before = model.codec, model.generate(IDS).audio[0]
    decoded = other.decode(torch.zeros(1, 2, 9, dtype=torch.long)).samples
    there = speaker(model, codec=other, **options)(TEXT)["audio"]
    assert model.codec is own
    assert torch.equal(model.generate(IDS).audio[0], before)
    assert torch.equal(other.decode(torch.zeros(1, 2, 9, dtype=torch.long)).samples, decoded)
    assert not np.array_equal(there, speaker(model)(TEXT)["audio"])


def test_what_speaks_shares_the_memory_of_the_weights() -> None:
    model = voice()
    spoken = speaker(model, codec=codec(1)).model
    ours, theirs = ({t.data_ptr() for t in each.state_dict().values()} for each in (model, spoken))
    assert ours == theirs
    with torch.no_grad():
        next(model.parameters()).fill_(0.5)
    assert bool((next(spoken.parameters()) == 0.5).all())


def test_a_model_without_a_codec_gets_one_for_speaking_only() -> None:
    model = voice()
    bare = Toknar(model.config)
    bare.load_state_dict(model.state_dict())
    speech = speaker(bare, codec=codec(0))(TEXT)["audio"]
    np.testing.assert_array_equal(speech, speaker(model)(TEXT)["audio"])
    assert bare._codec is None


def test_a_model_in_training_stays_there_and_speaks_without_its_dropout() -> None:
    model = voice()
    exact = speaker(model)(TEXT)["audio"]
    model.train()
    np.testing.assert_array_equal(speaker(model)(TEXT)["audio"], exact)
    assert all(module.training for module in model.modules())


def test_a_copy_moves_alone_and_keeps_shared_weights_shared() -> None:
    net = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Linear(3, 3))
    net[1].weight = net[0].weight
    copied = copy_around_weights(net)
    assert copied[1].weight is copied[0].weight
    moved = copied.to("meta")
    assert {weight.device.type for weight in moved.parameters()} == {"meta"}
    assert {weight.device.type for weight in net.parameters()} == {"cpu"}
