"""The two-stage family: blocks without layer normalisation, two supervised outputs, durations last."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from toktts.codecs.griffin_lim import GriffinLim
from toktts.codecs.melrvq import MelRVQ
from toktts.config import load_config
from toktts.errors import ModelError
from toktts.models.modules.interleaved import ConvolutionResidual
from toktts.models.nonattentive import NonAttentive, NonAttentiveConfig

IDS = torch.tensor([[5, 9, 3, 7, 11, 4, 1]])


def sized(**options: Any) -> NonAttentive:
    """The tiny model with other options."""
    config = NonAttentive.tiny().config.to_dict() | options
    known = {name: value for name, value in config.items() if hasattr(NonAttentiveConfig, name)}
    torch.manual_seed(0)
    return NonAttentive(NonAttentiveConfig(**known)).eval()


def codes_model() -> NonAttentive:
    codec = MelRVQ.tiny()
    facts = {"feature": "codes", "n_mels": 0, "n_codebooks": codec.n_codebooks, "codebook_size": codec.codebook_size}
    rates = {"codec_sampling_rate": codec.sampling_rate, "codec_hop_length": codec.hop_length}
    return sized(**facts, **rates).attach_codec(codec)


def batch_of(model: NonAttentive, *, given_durations: bool = True) -> dict[str, Tensor]:
    """Two rows, 7 and 3 units, 20 and 9 frames."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.tensor([[5, 9, 3, 7, 11, 4, 1], [8, 6, 1, 0, 0, 0, 0]])
    if model.feature_kind == "mel":
        labels = torch.randn(2, model.config.n_mels, 20, generator=generator) * 2 - 5.5
    else:
        shape = (2, model.config.n_codebooks, 20)
        labels = torch.randint(0, model.config.codebook_size, shape, generator=generator)
    labels[1, :, 9:] = -100
    batch = {"input_ids": ids, "attention_mask": (ids > 0).long(), "labels": labels}
    durations = torch.tensor([[4, 1, 6, 2, 3, 4, 0], [5, 4, 0, 0, 0, 0, 0]])
    return batch | ({"durations": durations} if given_durations else {})


def row(batch: dict[str, Tensor], index: int, n_units: int, n_frames: int) -> dict[str, Tensor]:
    sizes = {"labels": n_frames}
    return {name: value[index : index + 1, ..., : sizes.get(name, n_units)] for name, value in batch.items()}


def test_the_default_has_no_layer_norm_and_batch_norm_in_every_residual_block() -> None:
    model = NonAttentive(NonAttentiveConfig())
    assert not [name for name, module in model.named_modules() if "layernorm" in type(module).__name__.lower()]
    blocks = [module for module in model.modules() if isinstance(module, ConvolutionResidual)]
    assert len(blocks) == 3 + 3 + 5
    assert all(any(isinstance(part, nn.BatchNorm1d) for part in block.children()) for block in blocks)
    assert {block.convolution.kernel_size for block in blocks} == {(5,)}
    for stack, dropout in ((model.reader.blocks, 0.15), (model.writer.blocks, 0.1)):
        assert [type(block).__name__ for block in stack.blocks] == ["AttentionBlock"] * 3
        assert stack.positions.table.weight.requires_grad
        assert [block.attention.num_heads for block in stack.blocks] == [4] * 3
        assert [tuple(block.expand.weight.shape) for block in stack.blocks] == [(1024, 256)] * 3
        assert {block.residual.dropout.p for block in stack.blocks} == {dropout}
    assert {block.dropout.p for block in model.writer.postnet} == {0.0}
    lstm = model.durations.lstm
    assert (lstm.num_layers, lstm.bidirectional, lstm.hidden_size) == (3, True, 128)


def test_block_torch_takes_pytorchs_layer() -> None:
    model = sized(block="torch")
    assert [module for module in model.modules() if isinstance(module, nn.TransformerEncoderLayer)]
    model(**batch_of(model)).loss.backward()


@torch.no_grad()
@pytest.mark.parametrize("given_durations", [True, False])
@pytest.mark.parametrize("make", [NonAttentive.tiny, codes_model, lambda: sized(block="torch")])
def test_the_loss_is_the_mean_of_what_the_rows_give_alone_however_they_are_padded(
    make: Any, given_durations: bool
) -> None:
    model = make()
    batch = batch_of(model, given_durations=given_durations)
    together = model(**batch)
    alone = [model(**row(batch, 0, 7, 20)), model(**row(batch, 1, 3, 9))]
    padded = {name: nn.functional.pad(value, (0, 5)) for name, value in batch.items() if name != "labels"}
    padded["labels"] = nn.functional.pad(batch["labels"], (0, 4), value=-100)
    further = model(**padded)
    for name in ("loss", "first_loss", "final_loss", "duration_loss"):
        expected = sum(getattr(output, name) for output in alone) / 2
        torch.testing.assert_close(getattr(together, name), expected, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(getattr(further, name), expected, rtol=1e-5, atol=1e-6)


def test_the_loss_is_l1_and_squared_error_of_normalised_mel() -> None:
    model = NonAttentive.tiny()
    batch = row(batch_of(model), 0, 7, 20)
    output = model(**batch)
    gaps = (output.mel - batch["labels"]) / model.config.mel_std
    torch.testing.assert_close(output.final_loss, gaps.abs().mean() + gaps.square().mean())
    expected = output.first_loss + output.final_loss + output.duration_loss
    torch.testing.assert_close(output.loss, expected)


def test_both_outputs_are_supervised_and_the_spread_learns() -> None:
    model = NonAttentive.tiny().train()
    output = model(**batch_of(model))
    for loss, head in ((output.first_loss, model.writer.first), (output.final_loss, model.writer.correction)):
        (gradient,) = torch.autograd.grad(loss, [head.weight], retain_graph=True)
        assert gradient.abs().sum() > 0
    output.loss.backward()
    assert model.writer.upsampling.log_spread.grad.abs().item() > 0


def test_in_the_first_stage_durations_learn_nothing_and_in_the_second_they_alone() -> None:
    model = NonAttentive.tiny().train()
    output = model(**batch_of(model, given_durations=False))
    output.loss.backward()
    assert output.duration_loss is None
    assert {name.split(".")[0] for name, value in model.named_parameters() if value.grad is None} == {"durations"}
    model.zero_grad()
    model.begin_stage(2)
    output = model(**batch_of(model, given_durations=False))
    output.loss.backward()
    assert output.final_loss is None
    assert {name.split(".")[0] for name, value in model.named_parameters() if value.grad is not None} == {"durations"}


def test_the_second_stage_changes_nothing_but_the_durations_bit_for_bit() -> None:
    model = NonAttentive.tiny().train()
    model(**batch_of(model)).loss.backward()
    model.zero_grad()
    model.begin_stage(2)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.1)
    for _ in range(3):
        model.train()
        model(**batch_of(model, given_durations=False)).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert {name.split(".")[0] for name in changed} == {"durations"}
    assert changed == {name for name in before if name.startswith("durations.")}


def test_a_stage_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ModelError, match="stage: there is no stage 3; choose 1 or 2"):
        NonAttentive.tiny().begin_stage(3)


@torch.no_grad()
def test_four_hundred_phonemes_and_more_frames_than_positions_are_spoken_whole() -> None:
    model = sized(text_limit=600, max_frames=4000).attach_codec(GriffinLim.tiny())
    assert (model.config.text_window, model.config.frame_window) == (64, 96)
    ids = torch.randint(3, 80, (1, 400), generator=torch.Generator().manual_seed(0))
    durations = torch.full((1, 400), 3)
    synthesis = model.generate_for_durations(ids, durations=durations)
    assert synthesis.n_frames.tolist() == [1200]
    assert synthesis.features.shape == (1, model.config.n_mels, 1200)
    assert torch.isfinite(synthesis.features).all()
    assert [len(audio) for audio in synthesis.audio] == [1200 * model.config.codec_hop_length]
    assert synthesis.stop_reasons == ["eos"]
    short = ids[:, :20]
    both = torch.stack([nn.functional.pad(short[0], (0, 380)), ids[0]])
    mask = (torch.arange(400) < torch.tensor([[20], [400]])).long()
    batch = model.generate_for_durations(both, mask, durations=3 * mask)
    torch.testing.assert_close(batch.features[1], synthesis.features[0], rtol=0, atol=1e-4)


@torch.no_grad()
def test_given_durations_are_kept_to_the_frame() -> None:
    model = NonAttentive.tiny()
    durations = torch.tensor([[3, 0, 5, 1, 2, 4, 0]])
    speech = model.generate_for_durations(IDS, durations=durations)
    assert speech.n_frames.tolist() == [15]
    assert len(speech.audio[0]) == 15 * model.config.codec_hop_length
    assert speech.units[0].tolist() == [0] * 3 + [2] * 5 + [3] + [4] * 2 + [5] * 4


@torch.no_grad()
def test_codes_are_spoken_softly_unless_they_are_drawn() -> None:
    model = codes_model()
    speech = model.generate(IDS)
    assert speech.features.shape[1] == model.config.n_codebooks
    synthesis = model.synthesize(IDS, generation=model.generation_config)
    assert torch.equal(synthesis.probabilities.argmax(dim=3), synthesis.features)


def test_speed_divides_the_durations() -> None:
    model = NonAttentive.tiny()
    with torch.no_grad():
        model.durations.head.weight.zero_()
        model.durations.head.bias.zero_()
    slow, plain, fast = (
        int(model.generate(IDS, speed=speed, output_audio=False).n_frames) for speed in (0.6, 1.0, 2.0)
    )
    assert slow > plain > fast
    assert fast == pytest.approx(plain / 2, abs=1)


def test_durations_that_do_not_fit_the_text_are_refused() -> None:
    with pytest.raises(ModelError, match=r"durations: must be \(1, 7\) frames, 0 or more, got \(1, 7\), -2 at least"):
        NonAttentive.tiny().generate_for_durations(IDS, durations=torch.tensor([[1, 1, -2, 1, 1, 1, 0]]))


def test_a_limit_cuts_the_speech_and_says_so() -> None:
    speech = NonAttentive.tiny().generate(IDS, max_new_tokens=4)
    assert speech.n_frames.tolist() == [4]
    assert speech.stop_reasons == ["length"]


def test_durations_that_do_not_fit_the_clip_are_refused() -> None:
    model = NonAttentive.tiny()
    batch = batch_of(model)
    batch["durations"][1, 0] += 1
    with pytest.raises(ModelError, match="durations: of row 1 add up to 10 frames, its features have 9; cache again"):
        model(**batch)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_mels": 0}, "feature: is mel, but the codec has codes; write feature: codes"),
        ({"feature": "codes"}, "feature: is codes, but the codec has mel; write feature: mel"),
        ({"hidden_size": 30}, "hidden_size: 30 must be even and a multiple of num_attention_heads 4"),
        ({"kernel_size": 4}, "kernel_size: must be odd, got 4; 5 is usual"),
        ({"first_stage_share": 0.0}, "first_stage_share: must be above 0 and at most 1, got 0.0; 0.85 is usual"),
        ({"mel_std": 0.0}, "mel_std: must be above 0, got 0.0"),
        ({"text_window": 1}, "text_window: must be at least 2, got 1"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        NonAttentiveConfig(**options)


def test_the_reference_config_has_the_sizes_that_the_solutions_agree_on(root: Path) -> None:
    config = load_config([root / "config" / "nonattentive" / "reference.yaml"])
    defaults = NonAttentiveConfig()
    unlike = {"first_stage_share"}
    for name, value in config.model.options.items():
        assert name in unlike or getattr(defaults, name) == value, name
    assert config.training.args["lr_scheduler_type"] == "inverse_sqrt"
    peak = (defaults.hidden_size * config.training.args["warmup_steps"]) ** -0.5
    assert config.training.args["learning_rate"] == pytest.approx(peak, rel=0.01)
