"""Options of the one-pass family that are off by default: pitch and energy, and codes chosen again."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from toktts.errors import ModelError
from toktts.models._toknar_net import ToknarNet
from toktts.models.modules.prosody import KINDS, ProsodyScale, frame_scores, unit_scores
from toktts.models.modules.refinement import draw_settled, most_certain, open_share
from toktts.models.modules.unit_prosody import UnitProsody
from toktts.models.tokar import Tokar
from toktts.models.toknar import Toknar, ToknarConfig

IDS = torch.tensor([[5, 9, 3, 7, 11, 4, 1], [8, 6, 1, 0, 0, 0, 0]])
MASK = (IDS > 0).long()
N_FRAMES = (23, 11)


def toknar(**options: Any) -> Toknar:
    """A tiny voice with options, in eval mode."""
    tiny = Toknar.tiny()
    sizes = {name: value for name, value in tiny.config.to_dict().items() if hasattr(ToknarConfig, name)}
    torch.manual_seed(0)
    model = Toknar(ToknarConfig(**(sizes | options)))
    model.train(mode=False)
    return model.attach_codec(tiny.codec)


def batch(model: Toknar) -> dict[str, torch.Tensor]:
    """Two rows of different length, one with a stretch that has no pitch."""
    generator = torch.Generator().manual_seed(1)
    labels = torch.randint(0, model.config.codebook_size, (2, 2, max(N_FRAMES)), generator=generator)
    pitch, energy = (torch.rand(2, max(N_FRAMES), generator=generator) * 100 + 100 for _ in range(2))
    pitch[0, 4:9] = 0.0
    for row, n_frames in enumerate(N_FRAMES):
        labels[row, :, n_frames:] = -100
        pitch[row, n_frames:] = energy[row, n_frames:] = 0.0
    return {"input_ids": IDS, "attention_mask": MASK, "labels": labels, "pitch": pitch, "energy": energy}


def row_of(rows: dict[str, torch.Tensor], row: int) -> dict[str, torch.Tensor]:
    n_ids, n_frames = int(MASK[row].sum()), N_FRAMES[row]
    return {
        name: value[row : row + 1, ..., : n_ids if name in ("input_ids", "attention_mask") else n_frames]
        for name, value in rows.items()
    }


OPTIONS: list[dict[str, Any]] = [
    {"prosody": True},
    {"refinement": True},
    {"frames_per_position": 2},
    {"prosody": True, "refinement": True, "frames_per_position": 2},
]


def test_a_voice_without_options_has_the_weights_it_always_had() -> None:
    names = {name.split(".")[0] for name in Toknar.tiny().state_dict()}
    assert not names & {"prosody", "settled_codes"}
    assert not ToknarConfig().wants_prosody
    assert ToknarConfig(prosody=True).wants_prosody


@torch.no_grad()
@pytest.mark.parametrize("options", OPTIONS)
def test_a_row_scores_in_a_batch_what_it_scores_alone(options: dict[str, Any]) -> None:
    model = toknar(**options)
    rows = batch(model)
    together = model(**rows).logits
    for row in (0, 1):
        alone = model(**row_of(rows, row))
        torch.testing.assert_close(together[row, : N_FRAMES[row]], alone.logits[0], rtol=0, atol=1e-5)
        padded = {
            name: torch.nn.functional.pad(value, (0, 3), value=-100 if name == "labels" else 0)
            for name, value in row_of(rows, row).items()
        }
        torch.testing.assert_close(model(**padded).loss, alone.loss, rtol=0, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("drawn", [{}, {"do_sample": True, "temperature": 2.0}])
def test_a_row_says_in_a_batch_what_it_says_alone(options: dict[str, Any], drawn: dict[str, Any]) -> None:
    model = toknar(**options)
    wishes: dict[str, Any] = {"seed": 3, "output_audio": False, **drawn}
    wishes |= {"pitch": 1.4, "energy": 0.7} if "prosody" in options else {}
    wishes |= {"refinement_steps": 3} if "refinement" in options else {}
    together = model.generate(IDS, attention_mask=MASK, **wishes)
    alone = model.generate(IDS[1:, :3], **wishes)
    n_frames = int(alone.n_frames[0])
    assert int(together.n_frames[1]) == n_frames
    assert torch.equal(together.features[1, :, :n_frames], alone.features[0])


@pytest.mark.parametrize("options", OPTIONS)
def test_options_learn_and_come_back_from_a_file(options: dict[str, Any], tmp_path: Path) -> None:
    model = toknar(**options).train()
    rows = batch(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(40):
        output = model(**rows)
        optimizer.zero_grad()
        output.loss.backward()
        optimizer.step()
        losses.append(output.loss.item())
    assert losses[-1] < 0.7 * losses[0]
    assert (output.prosody_loss is not None) == ("prosody" in options)
    model.train(mode=False)
    model.save_pretrained(tmp_path)
    again = Toknar.from_pretrained(tmp_path)
    with torch.no_grad():
        assert torch.equal(again(**rows).logits, model(**rows).logits)


@torch.no_grad()
def test_true_pitch_and_energy_are_told_in_training_and_not_the_predicted_ones() -> None:
    model = toknar(prosody=True)
    rows = batch(model)
    before = model(**rows)
    for variance in model.prosody.variances.values():
        variance.predictor.head.bias.fill_(9.0)
    after = model(**rows)
    assert torch.equal(after.logits, before.logits)
    assert not torch.equal(after.prosody_loss, before.prosody_loss)
    for kind in ("pitch", "energy"):
        assert not torch.equal(model(**rows | {kind: rows[kind] * 2}).logits, before.logits)
        # What is not known is predicted, and not scored.
        assert not torch.equal(model(**rows | {kind: None}).logits, before.logits)
    assert model(**rows | {"pitch": None, "energy": None}).prosody_loss == 0


def test_the_error_of_pitch_and_energy_teaches_their_predictors_and_not_what_is_read() -> None:
    torch.manual_seed(0)
    prosody = UnitProsody(8, dropout=0.0)
    encoded = torch.randn(1, 3, 8, requires_grad=True)
    is_text, path = torch.ones(1, 3, dtype=torch.bool), torch.tensor([[0, 1, 1, 2]])
    tracks = dict.fromkeys(KINDS, torch.tensor([[100.0, 120.0, 140.0, 90.0]]))
    told, loss = prosody.learn(encoded, is_text, tracks, path=path, is_real=path >= 0)
    loss.backward(retain_graph=True)
    assert encoded.grad is None
    for kind in KINDS:
        assert prosody.variances[kind].predictor.head.weight.grad.abs().sum() > 0
    told.sum().backward()
    assert encoded.grad is not None


@torch.no_grad()
def test_a_factor_on_pitch_moves_what_the_decoder_is_told_by_its_logarithm() -> None:
    torch.manual_seed(0)
    prosody = UnitProsody(8, dropout=0.0).eval()
    encoded, is_text = torch.randn(1, 5, 8), torch.ones(1, 5, dtype=torch.bool)
    pitch, energy = prosody.variances["pitch"], prosody.variances["energy"]
    base = pitch(encoded, is_text)[1]
    for factor in (0.5, 1.0, 1.3, 2.0):
        moved = pitch(encoded, is_text, factor=factor)[1]
        # Pitch is told as a standard score of its logarithm.
        torch.testing.assert_close(moved - base, torch.full_like(base, math.log(factor) / float(pitch.scale.facts[1])))
        assert bool((pitch.bucket(moved) >= pitch.bucket(base)).all()) == (factor >= 1.0)
    assert (energy(encoded, is_text, factor=1.5)[1] > energy(encoded, is_text)[1]).all()
    raised = prosody.speak(encoded, is_text, {"pitch": 1.5, "energy": 1.0})
    assert not torch.equal(raised, prosody.speak(encoded, is_text, {"pitch": 1.0, "energy": 1.0}))


@torch.no_grad()
def test_frames_without_pitch_do_not_lower_the_pitch_of_their_unit() -> None:
    scale = ProsodyScale("pitch")
    track = torch.tensor([[100.0, 0.0, 0.0, 100.0, 100.0, 0.0]])
    path, is_real = torch.tensor([[0, 0, 1, 1, 2, 2]]), torch.ones(1, 6, dtype=torch.bool)
    teacher, counted = unit_scores(*frame_scores(scale, track, is_real), path, is_real, n_units=3)
    assert counted.all()
    expected = scale.scores(torch.tensor(100.0))
    torch.testing.assert_close(teacher, expected.expand(1, 3))
    silent, counted = unit_scores(*frame_scores(scale, track * 0, is_real), path, is_real, n_units=3)
    assert not counted.any()
    assert not silent.any()


def test_scales_follow_the_training_clips() -> None:
    model = toknar(prosody=True)
    clips = [torch.tensor([0.0, 100.0, 200.0]), torch.tensor([400.0])]
    model.fit_prosody(pitch=clips, energy=clips)
    mean = float(model.prosody.variances["pitch"].scale.facts[0])
    assert mean == pytest.approx(math.log(200.0))
    Toknar.tiny().fit_prosody(pitch=clips, energy=clips)


@torch.no_grad()
def test_given_durations_are_used_and_must_add_up() -> None:
    model = toknar()
    rows = batch(model)
    durations = torch.tensor([[5, 3, 3, 3, 3, 6, 0], [4, 7, 0, 0, 0, 0, 0]])
    said = model(**rows, durations=durations)
    assert torch.bincount(said.units[0], minlength=7).tolist() == durations[0].tolist()
    assert said.alignment_loss == 0
    with pytest.raises(ModelError, match="durations: of row 0 add up to 24 frames, its features have 23; cache again"):
        model(**rows, durations=durations + torch.tensor([[1] + [0] * 6, [0] * 7]))


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"pitch": 1.2}, "cannot change its pitch; leave it at 1"),
        ({"energy": 1.2}, "cannot change its energy; leave it at 1"),
        ({"refinement_steps": 2}, "refinement_steps: needs a toknar voice trained with model.options.refinement: true"),
        ({"refinement_steps": 65}, "refinement_steps: must be from 0 to 64, got 65; change it"),
    ],
)
def test_what_a_voice_has_not_learned_is_refused(wish: dict[str, Any], message: str) -> None:
    for model in (Toknar.tiny(), Tokar.tiny()):
        with pytest.raises(ModelError, match=message):
            model.generate(IDS[:1], **wish)


def test_an_impossible_share_is_refused() -> None:
    with pytest.raises(ModelError, match=r"refinement_share: must be from 0 to 1, got 1\.5; 0\.5 is usual"):
        ToknarConfig(refinement_share=1.5)


@torch.no_grad()
def test_steps_change_codes_and_none_change_nothing(tmp_path: Path) -> None:
    model = toknar(refinement=True)
    for name, weights in model.named_parameters():
        if name.startswith("settled_codes"):
            weights.mul_(50.0)

    def spoken(speaker: Toknar, **wishes: Any) -> torch.Tensor:
        features = speaker.generate(IDS, attention_mask=MASK, output_audio=False, **wishes).features
        assert features is not None
        return features

    assert torch.equal(spoken(model), spoken(model, refinement_steps=0))
    refined = spoken(model, refinement_steps=4)
    assert torch.equal(refined, spoken(model, refinement_steps=4))
    assert not torch.equal(refined, spoken(model))
    drawn = [spoken(model, refinement_steps=4, do_sample=True, temperature=2.0, seed=seed) for seed in (0, 0, 1)]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    model.generation_config.refinement_steps = 4
    model.save_pretrained(tmp_path)
    assert torch.equal(spoken(Toknar.from_pretrained(tmp_path)), refined)


@torch.no_grad()
def test_codes_that_are_seen_are_not_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    model = toknar(refinement=True, dropout=0.0).train()
    rows = batch(model)
    settled = torch.zeros(2, max(N_FRAMES), 2, dtype=torch.bool)
    settled[0, :5] = True
    monkeypatch.setattr("toktts.models.toknar.draw_settled", lambda *_args, **_sizes: settled)
    encoded = model.encode_text(IDS, MASK)
    durations = model.align(IDS, MASK, rows["labels"])
    is_real = rows["labels"][:, 0] >= 0
    _, targets = model._teach(encoded, durations, rows["labels"], is_real)
    assert (targets[0, :5] == -100).all()
    assert torch.equal(targets[:, 5:], rows["labels"].transpose(1, 2)[:, 5:])
    assert torch.equal(targets[1], rows["labels"][1].T)


@torch.no_grad()
def test_a_settled_code_tells_the_decoder_only_in_rows_that_have_one() -> None:
    model = toknar(refinement=True)
    assert isinstance(model, ToknarNet)
    codes = torch.zeros(2, 6, 2, dtype=torch.long)
    settled = torch.zeros(2, 6, 2, dtype=torch.bool)
    settled[0, 2, 1] = True
    is_real = torch.ones(2, 6, 1, dtype=torch.bool)
    assert model.settled_codes is not None
    added = model.settled_codes(codes, settled, list(model.code_embeddings), is_real)
    assert added[0].abs().sum() > 0
    assert not added[1].any()
    # A code that is not settled has no say.
    other = codes.clone()
    other[0, 2, 0] = 7
    assert torch.equal(model.settled_codes(other, settled, list(model.code_embeddings), is_real), added)


@given(
    st.lists(st.integers(1, 7), min_size=1, max_size=4), st.integers(1, 3), st.floats(0, 1), st.integers(0, 2**31 - 1)
)
def test_the_most_certain_codes_are_settled(lengths: list[int], n_books: int, share: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    certainty = torch.randint(0, 5, (len(lengths), max(lengths), n_books), generator=generator) / 4
    is_real = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    settled = most_certain(certainty, is_real, share_open=share)
    assert not settled[~is_real].any()
    for row, length in enumerate(lengths):
        kept, values = settled[row, :length], certainty[row, :length]
        assert int((~kept).sum()) == math.floor(length * n_books * share)
        if kept.any() and not kept.all():
            assert values[kept].min() >= values[~kept].max()
        alone = most_certain(values[None], is_real[row : row + 1, :length], share_open=share)
        assert torch.equal(alone[0], kept)


def test_fewer_codes_are_open_from_step_to_step() -> None:
    shares = [open_share(step, 4) for step in (1, 2, 3, 4)]
    assert shares == sorted(shares, reverse=True)
    # The cosine of a quarter turn divided into five, at the last step before its end.
    assert shares[-1] == pytest.approx(math.cos(0.4 * math.pi))


def test_rows_see_few_codes_more_often_than_many_and_none_behind_their_end() -> None:
    torch.manual_seed(0)
    is_real = torch.ones(400, 50, dtype=torch.bool)
    is_real[:, 40:] = False
    drawn = draw_settled(is_real, n_codebooks=2, row_share=0.5)
    assert not drawn[:, 40:].any()
    shares = drawn[:, :40].float().mean(dim=(1, 2))
    assert 0.4 < float((shares > 0).float().mean()) < 0.55
    # 1 - cos(u * pi / 2) is below 0.5 for u below 2/3.
    assert 0.55 < float((shares[shares > 0] < 0.5).float().mean()) < 0.78
    assert not draw_settled(is_real, n_codebooks=2, row_share=0.0).any()
