"""Durations of the one-pass family: learned from the aligner, or as a corpus tells them, with text ids of no frame."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from toktts.models.modules.duration_predictor import is_said, log_frames
from toktts.models.modules.repeating import round_durations
from toktts.models.toknar import Toknar

IDS = torch.tensor([[5, 9, 3, 7, 11, 4, 1], [8, 6, 1, 0, 0, 0, 0]])
MASK = (IDS > 0).long()
TOLD = torch.tensor([[5, 3, 1, 3, 2, 6, 0], [4, 7, 0, 0, 0, 0, 0]])


@pytest.fixture(scope="module")
def planner() -> Toknar:
    return Toknar.tiny()


def batch(model: Toknar) -> dict[str, torch.Tensor]:
    shape = (2, model.config.n_codebooks, 20)
    labels = torch.randint(0, model.config.codebook_size, shape, generator=torch.Generator().manual_seed(0))
    labels[1, :, 11:] = -100
    return {"input_ids": IDS, "attention_mask": MASK, "labels": labels, "durations": TOLD}


def with_durations(model: Toknar, logs: list[float]) -> Toknar:
    """Predict these logarithms of frames, whatever the text is."""
    model._log_durations = lambda encoded: torch.tensor([logs]).expand(len(encoded), -1)  # type: ignore[method-assign]
    return model


def test_durations_told_by_a_corpus_are_learned_to_the_frame_and_its_closing_id_has_none() -> None:
    model = Toknar.tiny()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        model(**batch(model)).loss.backward()
        optimizer.step()
    speech = model.generate(IDS, attention_mask=MASK, output_audio=False)
    assert speech.n_frames is not None
    assert speech.units is not None
    assert speech.n_frames.tolist() == [20, 11]
    for row, n_frames in enumerate((20, 11)):
        assert torch.bincount(speech.units[row, :n_frames], minlength=7).tolist() == TOLD[row].tolist()


@given(st.lists(st.integers(0, 150), min_size=1, max_size=20))
def test_what_is_learned_of_frames_says_how_many_they_are_and_whether_there_are_any(frames: list[int]) -> None:
    durations = torch.tensor([frames])
    logs = log_frames(durations)
    said = is_said(logs)
    assert torch.equal(said, durations > 0)
    assert torch.equal((torch.exp(logs) * said).round().long(), durations)


@torch.no_grad()
def test_no_frames_are_a_goal_of_their_own_and_one_frame_is_learned_as_ever(planner: Toknar) -> None:
    model = with_durations(planner, [0.0, 1.0])
    encoded, is_text = torch.zeros(1, 2, 32), torch.ones(1, 2, dtype=torch.bool)
    one, none = (float(model._duration_loss(encoded, torch.tensor([[n, 1]]), is_text)) for n in (1, 0))
    assert one == 0.5  # (0 - log 1)^2 and (1 - log 1)^2
    assert none > 4.0


@torch.no_grad()
@given(st.lists(st.floats(-1.3, 3.0), min_size=7, max_size=7), st.sampled_from([0.5, 1.0, 2.0]))
def test_a_voice_that_heard_every_id_skips_none_however_short_and_fast(
    planner: Toknar, logs: list[float], speed: float
) -> None:
    model = with_durations(planner, logs)
    is_text = torch.ones(1, 7, dtype=torch.bool)
    planned = model.plan(torch.zeros(1, 7, 32), is_text, speed=speed)
    frames = (torch.tensor([logs]).exp() / speed).clamp(1.0, 8.0)
    assert int(planned.min()) >= 1
    assert torch.equal(planned, round_durations(frames, is_text, limit=8))


@torch.no_grad()
def test_what_is_not_said_gets_no_frame_also_from_rounding_and_a_row_gets_one_at_least(planner: Toknar) -> None:
    unsaid = float(log_frames(torch.tensor(0)))
    logs = [0.875469, unsaid, 0.875469, unsaid]  # 2.4 frames each: ends at 2.4 and 4.8
    is_text = torch.ones(1, 4, dtype=torch.bool)
    encoded = torch.zeros(1, 4, 32)
    assert with_durations(planner, logs).plan(encoded, is_text, speed=1.0).tolist() == [[2, 0, 3, 0]]
    assert with_durations(planner, logs).plan(encoded, is_text, speed=0.5).tolist() == [[5, 0, 5, 0]]
    assert with_durations(planner, [unsaid] * 4).plan(encoded, is_text, speed=1.0).tolist() == [[0, 0, 0, 1]]
