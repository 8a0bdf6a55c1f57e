import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from toktts.inference.flaws import find_flaws

HOP, RATE = 320, 24_000
WORDS = "a sentence that is long enough for all of this"


def tone(n_frames: int, level: float = 0.1) -> Tensor:
    return level * torch.sin(torch.arange(n_frames * HOP) * 0.1)


def different(n_frames: int) -> Tensor:
    """Codes (2, n_frames), no frame twice."""
    return torch.arange(2 * n_frames).reshape(2, n_frames)


def test_speech_of_ordinary_length_has_no_flaw() -> None:
    assert find_flaws(WORDS, tone(200), different(200), sampling_rate=RATE) == set()
    assert find_flaws(WORDS, tone(200), None, sampling_rate=RATE) == set()


@pytest.mark.parametrize(("seconds", "flaws"), [(0.5, set()), (0.52, {"silent"}), (0.0, set())])
def test_silence_of_more_than_half_a_second_is_a_flaw(seconds: float, flaws: set[str]) -> None:
    assert find_flaws(WORDS, torch.zeros(round(seconds * RATE)), None, sampling_rate=RATE) == flaws


# "Hi!" may take 3 x 0.2 s + 1 s.
@pytest.mark.parametrize(("n_samples", "flaws"), [(38_400, set()), (38_401, {"runaway"})])
def test_speech_that_is_too_long_for_its_text_is_a_flaw(n_samples: int, flaws: set[str]) -> None:
    assert find_flaws("Hi!", torch.ones(n_samples), None, sampling_rate=RATE) == flaws


# Four frames over and over: after 80 of them each place of the circle came 20 times, less at the end.
@pytest.mark.parametrize(("n_frames", "flaws"), [(83, set()), (84, {"runaway"})])
def test_the_same_four_frames_more_than_twenty_times_are_a_flaw(n_frames: int, flaws: set[str]) -> None:
    codes = torch.arange(4).repeat(2, 30)[:, :n_frames]
    assert find_flaws(WORDS, tone(n_frames), codes, sampling_rate=RATE) == flaws


def test_a_pause_repeats_itself_without_a_flaw() -> None:
    codes = torch.cat([different(50), torch.zeros(2, 60, dtype=torch.long), different(50) + 100], dim=1)
    samples = torch.cat([tone(50), tone(60, level=1e-4), tone(50)])
    assert find_flaws(WORDS, samples, codes, sampling_rate=RATE) == set()
    assert find_flaws(WORDS, tone(160), codes, sampling_rate=RATE) == {"runaway"}


@given(st.integers(0, 60), st.integers(0, 3), st.integers(1, 3), st.text(max_size=5))
def test_anything_may_be_looked_at(n_frames: int, code: int, n_codebooks: int, text: str) -> None:
    codes = torch.full((n_codebooks, n_frames), code)
    assert find_flaws(text, tone(n_frames), codes, sampling_rate=RATE) <= {"silent", "runaway"}
