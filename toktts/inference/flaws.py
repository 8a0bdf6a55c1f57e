"""What is wrong with speech that can be told without ears: it is silent, or it goes on and on."""

from typing import Literal

from torch import Tensor

from toktts.alignment.check import Sound, check_sound
from toktts.audio import Waveform
from toktts.audio.energy import frame_levels

Flaw = Literal["runaway", "silent"]
ADVICE: dict[Flaw, str] = {
    "silent": "speech is silent although its text is not; train the model longer",
    "runaway": "speech runs away: it repeats itself, or is far too long for its text; "
    "train the model longer, or try another seed",
}
FRAMES_A_SECOND = 75


def find_flaws(text: str, samples: Tensor, codes: Tensor | None, *, sampling_rate: int) -> set[Flaw]:
    """Look at the speech of one sentence; the limits are those of `toktts.alignment.check`.

    Args:
        text: the sentence, as it is read aloud.
        samples: (n_samples,), in [-1, 1].
        codes: (n_codebooks, n_frames) that it was decoded from; None = not known.
        sampling_rate: Hz.
    Returns:
        `silent` = more than half a second, next to nothing of it audible. `runaway` = longer than a second and 0.2 s a
        character, or the same four frames more than 20 times, silent ones aside.
    """
    n_frames = 0 if codes is None else codes.shape[1]
    hop_length = max(1, len(samples) // n_frames if n_frames else sampling_rate // FRAMES_A_SECOND)
    levels_db = frame_levels(Waveform(samples, sampling_rate), hop_length=hop_length)
    flags = check_sound(Sound(len(text), len(samples) / sampling_rate, levels_db, codes)).flags
    return {flaw for flaw in ADVICE if flaw in flags}
