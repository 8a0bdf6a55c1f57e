import pytest
import torch

from toktts.training.codec_losses import (
    Discriminators,
    PeriodDiscriminator,
    SpectralDistance,
    SpectrumDiscriminator,
    pitch_losses,
)


def all_of(judges: Discriminators) -> list[torch.nn.Module]:
    return [*judges.of_spectra, *judges.of_periods]


def voice(seed: int = 0, n_samples: int = 8000) -> torch.Tensor:
    seconds = torch.arange(n_samples) / 24_000
    noise = torch.randn(2, n_samples, generator=torch.Generator().manual_seed(seed))
    return 0.3 * torch.sin(2 * torch.pi * 200 * seconds) + 0.05 * noise


@pytest.fixture(scope="module")
def distance() -> SpectralDistance:
    return SpectralDistance(24_000)


def test_equal_sound_is_at_distance_0(distance: SpectralDistance) -> None:
    assert distance(voice(), voice()) == 0


def test_the_distance_grows_with_the_damage_and_has_no_side(distance: SpectralDistance) -> None:
    noise = torch.randn_like(voice())
    distances = [float(distance(voice() + level * noise, voice())) for level in (0.001, 0.01, 0.1)]
    assert distances == sorted(distances)
    assert float(distance(voice(), voice(1))) == pytest.approx(float(distance(voice(1), voice())), rel=1e-5)


def test_twice_the_level_is_log_2_away_in_every_band() -> None:
    """|log 2a - log a| = log 2, but for the floors below quiet bands; there are 1 + magnitude_weight such terms."""
    distance = SpectralDistance(24_000, magnitude_weight=0.5)
    loud = 10 * torch.randn(1, 8000, generator=torch.Generator().manual_seed(0))
    assert float(distance(2 * loud, loud)) == pytest.approx(1.5 * 0.6931, rel=1e-2)


def test_silence_has_finite_gradients(distance: SpectralDistance) -> None:
    silence = torch.zeros(1, 4000, requires_grad=True)
    distance(silence, voice(n_samples=4000)[:1]).backward()
    assert silence.grad is not None
    assert silence.grad.isfinite().all()


def test_discriminators_learn_to_tell_noise_from_a_voice() -> None:
    torch.manual_seed(0)
    judges = Discriminators()
    optimizer = torch.optim.AdamW(judges.parameters(), 2e-3, betas=(0.8, 0.99))
    losses = []
    for step in range(8):
        loss = judges.own_loss(voice(step, 2000), 0.3 * torch.randn(2, 2000), all_of(judges))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] == pytest.approx(2.0, abs=0.2), "they know nothing: 1 for each side of the hinge"
    assert losses[-1] < 0.5 * losses[0]


def test_the_discriminators_own_loss_leaves_the_vocoder_alone() -> None:
    fake, judges = torch.randn(1, 4000, requires_grad=True), Discriminators()
    judges.own_loss(voice(n_samples=4000)[:1], fake, judges.draw()).backward()
    assert fake.grad is None


def test_the_vocoder_pays_nothing_for_matching_what_is_equal() -> None:
    judges, real = Discriminators(), voice(n_samples=4000)
    assert judges.opponent_loss(real, real.clone(), all_of(judges))[1] == 0
    fake = torch.randn(2, 4000, requires_grad=True)
    adversarial, matching = judges.opponent_loss(real, fake, all_of(judges))
    assert matching > 0
    (adversarial + matching).backward()
    assert fake.grad is not None
    assert fake.grad.isfinite().all()


@pytest.mark.parametrize("judge", [SpectrumDiscriminator(320), PeriodDiscriminator(3)])
def test_a_judge_scores_every_clip_of_a_batch_by_itself(judge: torch.nn.Module) -> None:
    batch = voice(n_samples=4000)
    together = judge(batch)[0]
    torch.testing.assert_close(together[:1], judge(batch[:1])[0], rtol=0, atol=1e-5)


def test_a_step_hears_one_judge_of_spectra_and_one_of_periods_drawn_by_torch() -> None:
    judges = Discriminators()
    torch.manual_seed(3)
    drawn = [judges.draw() for _ in range(40)]
    torch.manual_seed(3)
    assert [judges.draw() for _ in range(40)] == drawn
    firsts, seconds = zip(*drawn, strict=True)
    assert set(firsts) == set(judges.of_spectra)
    assert set(seconds) == set(judges.of_periods)


@pytest.mark.parametrize("index", range(6))
def test_gradients_are_finite_in_bfloat16(index: int) -> None:
    """Strides and dilation in one layer gave NaN here."""
    torch.manual_seed(0)
    judges = Discriminators()
    judge, real = all_of(judges)[index], voice(n_samples=64 * 320)
    fake = torch.randn_like(real, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        own, (adversarial, matching) = judges.own_loss(real, fake, [judge]), judges.opponent_loss(real, fake, [judge])
    (own + adversarial + matching).backward()
    assert all(parameter.grad.isfinite().all() for parameter in judge.parameters())
    assert fake.grad.isfinite().all()


def test_a_pitch_is_compared_where_there_is_one() -> None:
    """Half an octave away in one of two voiced frames, anywhere in the unvoiced one; three logits of 0 cost log 2."""
    pitch = torch.tensor([[100.0, 200.0, 300.0]])
    log_pitch = torch.log(pitch * torch.tensor([[1.0, 2**0.5, 50.0]])).requires_grad_()
    voicing = torch.zeros(1, 3, requires_grad=True)
    pitch_loss, voicing_loss = pitch_losses(log_pitch, voicing, pitch=pitch, voiced=torch.tensor([[1.0, 1.0, 0.0]]))
    assert pitch_loss.item() == pytest.approx(0.5 * 0.6931 / 2, rel=1e-3)
    assert voicing_loss.item() == pytest.approx(0.6931, rel=1e-3)
    (pitch_loss + voicing_loss).backward()
    assert log_pitch.grad[0, 2] == 0
    assert voicing.grad.all()


def test_a_batch_in_which_nobody_speaks_has_no_pitch_to_be_compared() -> None:
    nobody = torch.zeros(2, 5)
    assert pitch_losses(nobody, nobody, pitch=torch.full((2, 5), 190.0), voiced=nobody)[0] == 0
