"""Eight toy utterances are learned by heart: mel in the first stage, durations in the second."""

import pytest
import torch
from torch import Tensor

from toktts.models.nonattentive import NonAttentive, NonAttentiveConfig

N_MELS, N_UNITS = 20, 10
pytestmark = pytest.mark.medium


def toy_batch() -> dict[str, Tensor]:
    """Each phoneme has a spectrum that fades, and a length of its own: what a model can learn from the text alone."""
    generator = torch.Generator().manual_seed(0)
    spectra = 2 * torch.randn(12, N_MELS, generator=generator) - 5.5
    lengths = torch.randint(2, 8, (12,), generator=generator)
    ids = torch.randint(2, 12, (8, N_UNITS), generator=generator)
    mask = torch.ones_like(ids)
    mask[5:, 7:] = 0
    durations = lengths[ids] * mask
    total = int(durations.sum(dim=1).max())
    labels = torch.full((8, N_MELS, total), -100.0)
    for row in range(8):
        units = torch.arange(N_UNITS).repeat_interleave(durations[row])
        since = torch.cat([torch.arange(int(count)) for count in durations[row]])
        labels[row, :, : len(units)] = (spectra[ids[row][units]] - 0.1 * since[:, None]).T
    return {"input_ids": ids * mask, "attention_mask": mask, "labels": labels, "durations": durations}


@pytest.fixture(scope="module")
def learned() -> tuple[NonAttentive, dict[str, Tensor]]:
    torch.manual_seed(0)
    model = NonAttentive(
        NonAttentiveConfig(
            n_mels=N_MELS,
            text_vocab_size=16,
            hidden_size=48,
            num_attention_heads=2,
            encoder_layers=1,
            decoder_layers=1,
            intermediate_size=64,
            postnet_layers=2,
            encoder_dropout=0.0,
            decoder_dropout=0.0,
            duration_size=24,
            duration_layers=1,
        )
    )
    batch = toy_batch()
    for stage, steps in ((1, 100), (2, 60)):
        model.begin_stage(stage)
        model.train()
        optimizer = torch.optim.Adam([value for value in model.parameters() if value.requires_grad], lr=4e-3)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        for _ in range(steps):
            optimizer.zero_grad()
            model(**batch).loss.backward()
            optimizer.step()
            schedule.step()
    return model.eval(), batch


@torch.no_grad()
def test_the_mel_of_eight_utterances_is_learned(learned: tuple[NonAttentive, dict[str, Tensor]]) -> None:
    model, batch = learned
    mel, labels = model(**batch).mel, batch["labels"]
    error = (mel - labels)[labels > -50].abs().mean() / model.config.mel_std
    assert float(error) < 0.1


@torch.no_grad()
def test_their_durations_are_learned_to_the_frame(learned: tuple[NonAttentive, dict[str, Tensor]]) -> None:
    model, batch = learned
    speech = model.generate(batch["input_ids"], attention_mask=batch["attention_mask"], output_audio=False)
    counted = torch.nn.functional.one_hot(speech.units, N_UNITS)
    real = torch.arange(speech.units.shape[1]) < speech.n_frames[:, None]
    spoken = (counted * real[:, :, None]).sum(dim=1)
    is_unit = batch["attention_mask"].bool()
    assert float((spoken - batch["durations"])[is_unit].abs().float().mean()) < 1.0


@torch.no_grad()
def test_the_corrected_mel_is_better_than_what_was_written_first(
    learned: tuple[NonAttentive, dict[str, Tensor]],
) -> None:
    model, batch = learned
    output = model(**batch)
    assert float(output.final_loss) <= float(output.first_loss)
    assert float(output.first_loss) < 0.5, "the first writing is supervised, too"
