"""What is wrong with speech that can be told without ears: it is silent, or it goes on and on."""

from typing import Literal

from torch import Tensor

Flaw = Literal["runaway", "silent"]
QUIET = 1e-3  # -60 dBFS
SILENT_S = 0.5
LONGEST_S, LONGEST_S_A_CHARACTER = 1.0, 0.2  # three times as slow as slow speech
LOOP_FRAMES, LOOP_REPEATS = 4, 20
ADVICE: dict[Flaw, str] = {
    "silent": "speech is silent although its text is not; train the model longer",
    "runaway": "speech runs away: it repeats itself, or is far too long for its text; "
    "train the model longer, or try another seed",
}


def find_flaws(text: str, samples: Tensor, codes: Tensor | None, *, sampling_rate: int) -> set[Flaw]:
    """Look at the speech of one sentence.

    Args:
        text: the sentence, as it is read aloud.
        samples: (n_samples,), in [-1, 1].
        codes: (n_codebooks, n_frames) that it was decoded from; None = not known.
        sampling_rate: Hz.
    Returns:
        `silent` = more than half a second without a sound. `runaway` = longer than a second and 0.2 s a character, or
        the same four frames more than 20 times, silent ones aside.
    """
    duration_s = len(samples) / sampling_rate
    is_silent = bool(samples.numel()) and float(samples.abs().max()) < QUIET
    flaws: set[Flaw] = {"silent"} if is_silent and duration_s > SILENT_S else set()
    if duration_s > LONGEST_S + LONGEST_S_A_CHARACTER * len(text) or (codes is not None and _loops(codes, samples)):
        flaws.add("runaway")
    return flaws


def _loops(codes: Tensor, samples: Tensor) -> bool:
    """Whether the same few frames come again and again; pauses may, for one silent frame is like another."""
    n_frames = codes.shape[1]
    if n_frames <= LOOP_FRAMES + LOOP_REPEATS:
        return False
    hop_length = len(samples) // n_frames
    is_loud = samples[: n_frames * hop_length].reshape(n_frames, hop_length).abs().amax(dim=1) >= QUIET
    windows = codes.unfold(1, LOOP_FRAMES, 1).transpose(0, 1).flatten(1)
    loud = windows[is_loud.unfold(0, LOOP_FRAMES, 1).all(dim=1)]
    return len(loud) > 0 and int(loud.unique(dim=0, return_counts=True)[1].max()) > LOOP_REPEATS  # type: ignore[no-untyped-call]
