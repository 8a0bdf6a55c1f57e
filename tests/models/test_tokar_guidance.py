"""Guidance: `tokar` trained on some rows without their text, and codes pushed towards the text while speaking."""

from pathlib import Path

import pytest
import torch
from tiny_tokar import TEXTS, padded, speak, tiny

from toktts.errors import ModelError
from toktts.models.modules.sampling import RowSampler
from toktts.models.tokar import Tokar, TokarConfig
from toktts.models.tokflat import TokflatModel
from toktts.models.toknar import Toknar

every_layout = pytest.mark.parametrize(
    ("layout", "frames_per_step"), [("delay", 1), ("flat", 1), ("parallel", 1), ("stacked", 1), ("stacked", 2)]
)


def guidable(layout: str = "delay", frames_per_step: int = 1) -> Tokar:
    model = tiny(layout, frames_per_step=frames_per_step, text_dropout=0.2)
    assert model.no_unit is not None
    torch.nn.init.normal_(model.no_unit)
    return model


def batch_of(n_frames: int = 14) -> dict[str, torch.Tensor]:
    ids, mask = padded([TEXTS[0], TEXTS[1]] * 4)
    labels = torch.randint(0, 16, (8, 2, n_frames), generator=torch.Generator().manual_seed(0))
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


@every_layout
@pytest.mark.parametrize("sampled", [False, True])
def test_guided_codes_are_those_of_any_company_and_of_every_repetition(
    layout: str, frames_per_step: int, sampled: bool
) -> None:
    model = guidable(layout, frames_per_step)
    wish = {"do_sample": True, "seed": 5} if sampled else {"do_sample": False}
    together = speak(model, TEXTS, guidance_scale=1.5, **wish)
    backwards = speak(model, TEXTS[::-1], guidance_scale=1.5, **wish)[::-1]
    for index, text in enumerate(TEXTS):
        alone = speak(model, [text], guidance_scale=1.5, **wish)[0]
        assert torch.equal(together[index], alone)
        assert torch.equal(backwards[index], alone)


@every_layout
@torch.no_grad()
def test_scores_are_mixed_of_those_with_and_without_the_text(
    layout: str, frames_per_step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the first draw sees, against both sides from `forward`'s own decoder."""
    model, seen = guidable(layout, frames_per_step), []
    draw = RowSampler.draw
    monkeypatch.setattr(RowSampler, "draw", lambda self, logits: (seen.append(logits), draw(self, logits))[1])
    ids, mask = padded([TEXTS[0]])
    model.generate(ids, attention_mask=mask, output_audio=False, do_sample=False, guidance_scale=3.0)
    steps = torch.full((1, 1, model.config.codes_per_step), -100)
    encoded, unit = model.encode_text(ids, mask), torch.zeros(1, 1, dtype=torch.long)
    with_text, without = (
        model.code_heads[0](model._teacher_forced(encoded, steps, unit, has_text=torch.tensor([has_text])))[0, 0]
        for has_text in (True, False)
    )
    assert not torch.allclose(with_text, without)
    first = seen[0].reshape(-1, 16)[0]
    torch.testing.assert_close(first, without + 3 * (with_text - without), rtol=0, atol=1e-4)


def test_a_scale_of_1_is_off_and_a_higher_one_is_not() -> None:
    model = guidable()
    plain, one, three = (
        speak(model, TEXTS, seed=1, **wish) for wish in ({}, {"guidance_scale": 1.0}, {"guidance_scale": 3.0})
    )
    assert all(torch.equal(*pair) for pair in zip(plain, one, strict=True))
    assert not all(a.shape == b.shape and torch.equal(a, b) for a, b in zip(plain, three, strict=True))


def test_the_pointer_moves_by_the_text_alone() -> None:
    """With codes that do not depend on the scale (there is one code), the path does not either."""
    model = guidable("parallel")
    for head in model.code_heads:
        torch.nn.init.zeros_(head.weight)
        torch.nn.init.zeros_(head.bias)
    ids, mask = padded(TEXTS)
    paths = [
        model.generate(ids, attention_mask=mask, output_audio=False, do_sample=False, guidance_scale=scale).units
        for scale in (1.0, 4.0)
    ]
    assert torch.equal(*paths)


def test_rows_without_text_train_the_vector_for_it_and_leave_the_pointer_alone() -> None:
    model = tiny(text_dropout=0.5, history_dropout=0.0, dropout=0.0).train()
    torch.manual_seed(0)
    output = model(**batch_of())
    (advance,) = torch.autograd.grad(output.loss, [model.no_unit], retain_graph=True)
    assert advance.abs().sum() > 0
    model._rows_with_text = lambda n_units: torch.zeros_like(n_units, dtype=torch.bool)  # type: ignore[method-assign]
    blind = model(**batch_of())
    assert blind.advance_loss == 0
    assert torch.equal(blind.alignment_loss, output.alignment_loss)
    assert torch.equal(blind.units, output.units)
    assert blind.code_loss != output.code_loss


def test_rows_are_dropped_in_training_only_and_as_often_as_asked() -> None:
    model = tiny(text_dropout=0.3)
    many = torch.ones(4000, dtype=torch.long)
    assert model._rows_with_text(many).all()
    share = 1 - model.train()._rows_with_text(many).float().mean()
    assert abs(share - 0.3) < 5 * (0.3 * 0.7 / 4000) ** 0.5


def test_a_guidable_voice_is_saved_and_loaded_with_its_scale(tmp_path: Path) -> None:
    model = guidable()
    model.generation_config.guidance_scale = 2.0
    model.save_pretrained(tmp_path)
    loaded = Tokar.from_pretrained(tmp_path)
    assert loaded.generation_config.guidance_scale == 2.0
    for ours, theirs in zip(speak(model, TEXTS, seed=1), speak(loaded, TEXTS, seed=1), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("model", [Tokar.tiny, Toknar.tiny, TokflatModel.tiny])
def test_voices_that_have_not_learned_it_refuse_guidance(model) -> None:
    wanted = (
        "guidance_scale: this .* voice has not learned it; leave it at 1, or train tokar with model.options.text_drop"
    )
    with pytest.raises(ModelError, match=wanted):
        model().generate(torch.tensor([[3, 1]]), guidance_scale=1.5, output_audio=False)
    assert model().generate(torch.tensor([[3, 1]]), guidance_scale=1.0, num_beams=1, max_new_tokens=4).features.numel()


def test_a_scale_out_of_its_range_is_refused() -> None:
    with pytest.raises(ModelError, match="guidance_scale: must be from 1 to 10, got 0.5; change it"):
        guidable().generate(torch.tensor([[3, 1]]), guidance_scale=0.5)


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(ModelError, match=f"text_dropout: must be at least 0 and below 1, got {share:g}; change it"):
        TokarConfig(text_dropout=share)
