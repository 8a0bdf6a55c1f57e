"""Families that decide on durations before they write can be told them."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from toktts.errors import ModelError
from toktts.models._told_durations import TakesDurations
from toktts.models.fastspeech2 import FastSpeech2
from toktts.models.nonattentive import NonAttentive
from toktts.models.toknar import Toknar

IDS = torch.tensor([[5, 9, 3, 7, 11, 4, 1], [8, 6, 1, 0, 0, 0, 0]])
MASK = (IDS > 0).long()
VOICES = {family: family.tiny() for family in (NonAttentive, FastSpeech2, Toknar)}


@pytest.fixture(params=list(VOICES), ids=lambda family: family.__name__)
def voice(request: pytest.FixtureRequest) -> TakesDurations:
    return VOICES[request.param]


def frames_of(units: torch.Tensor, n_frames: int, n_units: int) -> torch.Tensor:
    return torch.bincount(units[:n_frames], minlength=n_units)


def test_what_a_voice_chose_itself_gives_the_same_speech_when_it_is_told(voice: TakesDurations) -> None:
    own = voice.generate(IDS, attention_mask=MASK)
    durations = torch.stack(
        [frames_of(own.units[row], int(own.n_frames[row]), IDS.shape[1]) for row in range(len(IDS))]
    )
    told = voice.generate_for_durations(IDS, MASK, durations=durations)
    assert torch.equal(told.n_frames, own.n_frames)
    assert torch.equal(told.features, own.features)
    for one, other in zip(told.audio, own.audio, strict=True):
        assert torch.equal(one, other)


@settings(max_examples=10, deadline=None)
@given(told=st.lists(st.integers(0, 12), min_size=7, max_size=7).filter(any))
def test_every_text_id_lasts_as_long_as_it_is_told(told: list[int]) -> None:
    durations = torch.tensor([told])
    for voice in VOICES.values():
        speech = voice.generate_for_durations(IDS[:1], durations=durations)
        assert torch.equal(frames_of(speech.units[0], sum(told), len(told)), durations[0])
        assert len(speech.audio[0]) == sum(told) * voice.config.codec_hop_length
        assert speech.stop_reasons == ["eos"]


def test_a_row_in_a_batch_is_the_row_alone(voice: TakesDurations) -> None:
    durations = 3 * MASK
    batch = voice.generate_for_durations(IDS, MASK, durations=durations)
    for row, n_ids in enumerate(MASK.sum(dim=1).tolist()):
        alone = voice.generate_for_durations(IDS[row : row + 1, :n_ids], durations=durations[row : row + 1, :n_ids])
        torch.testing.assert_close(batch.audio[row], alone.audio[0], rtol=0, atol=1e-4)


def test_more_frames_than_a_voice_writes_by_itself_are_written(voice: TakesDurations) -> None:
    n_frames = voice.config.max_frames + 30
    durations = torch.tensor([[n_frames - 6, 1, 1, 1, 1, 1, 1]])
    assert voice.generate_for_durations(IDS[:1], durations=durations).n_frames.tolist() == [n_frames]


@pytest.mark.parametrize(
    ("durations", "message"),
    [
        ([[1, 1, -2, 1, 1, 1, 0]], r"durations: must be \(1, 7\) frames, 0 or more, got \(1, 7\), -2 at least; give"),
        ([[1, 1]], r"durations: must be \(1, 7\) frames, 0 or more, got \(1, 2\), 1 at least; give one for each"),
        ([[0] * 7], "durations: are all 0; give at least one frame"),
    ],
)
def test_durations_that_say_nothing_are_refused(
    voice: TakesDurations, durations: list[list[int]], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        voice.generate_for_durations(IDS[:1], durations=torch.tensor(durations))
