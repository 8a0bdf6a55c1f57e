"""What `generate` is asked for: one merged and checked GenerationConfig, and a seed that disturbs nobody else."""

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from transformers import GenerationConfig

from toktts.errors import ModelError

RANGES: dict[str, tuple[float, float]] = {
    "max_new_tokens": (1, math.inf),
    "num_beams": (1, 64),
    "guidance_scale": (1, 10),
    "temperature": (0.01, 100),
    "top_k": (0, 1_000_000),
    "top_p": (1e-6, 1),
    "speed": (0.5, 2),
    "pitch": (0.5, 2),
    "energy": (0.5, 2),
    "refinement_steps": (0, 64),
}
# What transformers takes as "not set": anything else warns when nothing is sampled.
NEUTRAL = {"temperature": 1.0, "top_k": 50, "top_p": 1.0}


def merge_generation(
    default: GenerationConfig, given: GenerationConfig | None, changes: Mapping[str, object]
) -> GenerationConfig:
    """Lay a caller's GenerationConfig and single arguments over a model's own, in that order.

    A `max_length` counts the start token as Hugging Face does, so it becomes `max_new_tokens = max_length - 1`.
    Sampling values of the model's own config fall away where the caller switches sampling off.

    Args:
        default: the model's; it is not changed.
        given: the caller's, of which only what is set counts.
        changes: single arguments; None = not given.
    Raises:
        ModelError: a sampling value for generation that does not sample.
    """
    wishes = {} if given is None else given.to_diff_dict()
    wishes.pop("transformers_version", None)
    wishes |= {name: value for name, value in changes.items() if value is not None}
    max_length = wishes.pop("max_length", None)
    if max_length is not None:
        wishes.setdefault("max_new_tokens", max_length - 1)
    merged = copy.deepcopy(default)
    merged.max_length = None
    for name, value in wishes.items():
        setattr(merged, name, value)
    if not merged.do_sample:
        _drop_sampling(merged, wishes)
    return merged


def _drop_sampling(merged: GenerationConfig, wishes: Mapping[str, object]) -> None:
    for name, value in NEUTRAL.items():
        if wishes.get(name) not in (None, value):
            raise ModelError("has no effect without sampling; pass do_sample=True too", key=name)
        setattr(merged, name, value)


def check_generation(generation: GenerationConfig, *, limit: int) -> None:
    """Refuse values that no generation can use, before anything is allocated.

    Args:
        generation: merged already.
        limit: most `max_new_tokens` the model has positions for.
    Raises:
        ModelError: names the value and its range; or `max_new_tokens` is not set.
    """
    if generation.max_new_tokens is None:
        raise ModelError(f"is not set; write a number from 1 to {limit}", key="max_new_tokens")
    ranges = RANGES | {"max_new_tokens": (1, limit)}
    for name, (low, high) in ranges.items():
        value = getattr(generation, name, None)
        if value is not None and not low <= value <= high:
            raise ModelError(f"must be from {low:g} to {high:g}, got {value:g}; change it", key=name)


def check_controls(
    generation: GenerationConfig,
    family: str,
    *,
    can_change_speed: bool,
    can_change_prosody: bool,
    can_be_guided: bool,
    can_choose_again: bool,
) -> None:
    """Refuse another speed, pitch, energy, guidance or refinement than a voice has learned, if it cannot change it.

    Args:
        generation: merged already.
        family: for the message.
        can_change_speed: whether `speed` has a meaning.
        can_change_prosody: whether `pitch` and `energy` have.
        can_be_guided: whether `guidance_scale` has.
        can_choose_again: whether `refinement_steps` has.
    Raises:
        ModelError: names the control.
    """
    if speed_of(generation) != 1.0 and not can_change_speed:
        raise ModelError(f"{family} cannot change its speed; leave it at 1, or use a toknar voice", key="speed")
    if guidance_of(generation) != 1.0 and not can_be_guided:
        raise ModelError(
            f"this {family} voice has not learned it; leave it at 1, or train tokar with model.options.text_dropout",
            key="guidance_scale",
        )
    if refinement_steps_of(generation) and not can_choose_again:
        raise ModelError(
            "needs a toknar voice trained with model.options.refinement: true; leave it at 0", key="refinement_steps"
        )
    for name, factor in (("pitch", pitch_of(generation)), ("energy", energy_of(generation))):
        if factor != 1.0 and not can_change_prosody:
            raise ModelError(f"{family} cannot change its {name}; leave it at 1, or use a fastspeech2 voice", key=name)


def number_of_speaker(name: str, speakers: Sequence[str] | None) -> int:
    """Find a speaker among those of a voice.

    Args:
        name: of the speaker.
        speakers: names by id; None where the voice does not tell them apart.
    Raises:
        ModelError: naming those there are.
    """
    if not speakers:
        raise ModelError("has no meaning for this voice, which tells no speakers apart; leave it out", key="speaker")
    if name not in speakers:
        raise ModelError(f"{name!r} is none of this voice; choose one of {', '.join(speakers)}", key="speaker")
    return list(speakers).index(name)


def refinement_steps_of(generation: GenerationConfig) -> int:
    """Read `refinement_steps`, how often the least certain codes are chosen again; 0 where it is not set."""
    steps = getattr(generation, "refinement_steps", None)
    return 0 if steps is None else int(steps)


def guidance_of(generation: GenerationConfig) -> float:
    """Read `guidance_scale`, how far codes are pushed from those without text to those of the text; 1 = not at all."""
    return _factor(generation, "guidance_scale")


def speed_of(generation: GenerationConfig) -> float:
    """Read `speed`, a value of our own that transformers saves and loads as it is; 1 where it is not set."""
    return _factor(generation, "speed")


def pitch_of(generation: GenerationConfig) -> float:
    """Read `pitch`, the factor on the pitch in Hz; 1 where it is not set."""
    return _factor(generation, "pitch")


def energy_of(generation: GenerationConfig) -> float:
    """Read `energy`, the factor on the energy of every frame; 1 where it is not set."""
    return _factor(generation, "energy")


def _factor(generation: GenerationConfig, name: str) -> float:
    factor = getattr(generation, name, None)
    return 1.0 if factor is None else float(factor)


@contextmanager
def seeded(seed: int | None, device: torch.device) -> Iterator[None]:
    """Draw random numbers from `seed` inside, and leave torch's generators outside as they were.

    Args:
        seed: None = go on with torch's own generators, as `torch.manual_seed` set them.
        device: where the numbers are drawn.
    Raises:
        ModelError: a seed torch cannot use.
    """
    if seed is None:
        yield
        return
    if not 0 <= seed < 2**63:
        raise ModelError(f"must be from 0 to {2**63 - 1}, got {seed}; change it", key="seed")
    devices = [] if device.type == "cpu" else [device]
    with torch.random.fork_rng(devices=devices, device_type=device.type if devices else "cuda"):
        torch.manual_seed(seed)
        yield
