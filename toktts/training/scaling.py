"""What to train with how much speech: sizes, batches, minutes and the rest, as voices on two cores have shown it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from toktts.data.amount import SpeechAmount

LEAST_HOURS, MOST_HOURS = 1 / 12, 24.0
MANY_EPOCHS = 10_000
PARTING_TOKENIZERS = ("phonemes", "mixed", "characters", "bytes")
Values = Mapping[str, object]
T = TypeVar("T")


@dataclass(frozen=True)
class Machine:
    """What trains.

    Args:
        threads: of the CPU.
        has_gpu: whether there is one; then the threads hardly count.
    """

    threads: int
    has_gpu: bool = False

    @property
    def slowness(self) -> float:
        """Minutes that it needs where two cores need one."""
        return 0.25 if self.has_gpu else min(max(2 / self.threads, 0.5), 2.0)


@dataclass(frozen=True)
class Sound:
    """What the codec makes of speech.

    Args:
        frame_rate: Hz.
        n_codebooks: codes a frame.
    """

    frame_rate: float
    n_codebooks: int


@dataclass(frozen=True)
class Choice:
    """Values that belong together.

    Args:
        values: dotted key -> value.
        reason: in a few words.
    """

    values: Values
    reason: str

    def __str__(self) -> str:
        """As one line: the keys without their sections."""
        shown = ", ".join(f"{key.rpartition('.')[2]}={value}" for key, value in self.values.items())
        return f"{shown} ({self.reason})"


@dataclass(frozen=True)
class Recommendation:
    """What is recommended for some speech.

    Args:
        speech: the speech.
        choices: no key in two of them.
    """

    speech: SpeechAmount
    choices: tuple[Choice, ...]

    @property
    def values(self) -> Values:
        """Dotted key -> value, of all choices."""
        return {key: value for choice in self.choices for key, value in choice.values.items()}

    def __str__(self) -> str:
        """A line for the whole, and one for each choice."""
        minutes, n_clips = self.speech.hours * 60, self.speech.n_clips
        lines = [f"chosen for {minutes:.3g} minutes of speech in {n_clips} clips, what the config sets excepted:"]
        return "\n".join([*lines, *(f"  {choice}" for choice in self.choices)])


def recommend(
    speech: SpeechAmount, *, family: str, sound: Sound, machine: Machine, given: Values | None = None
) -> Recommendation:
    """Recommend what is still open; the same arguments give the same values.

    Args:
        speech: how much there is; below 5 minutes and above 24 hours is treated as these.
        family: file in `toktts/models`; of one that is not known here the sizes are left alone.
        sound: what the codec makes of it.
        machine: sets the minutes, and on a GPU the batch.
        given: dotted key -> value of what is settled; it is respected, and nothing is recommended for it.
    """
    given = given or {}
    hours = min(max(speech.hours, LEAST_HOURS), MOST_HOURS)
    choices = [
        _size(family, hours, speech, sound, given),
        _batch(hours, speech, sound, machine),
        _minutes(hours, machine),
        Choice({"training.args.num_train_epochs": MANY_EPOCHS}, "the minutes end it"),
        _learning_rate(family, hours, given),
        _average(hours, machine, given),
        _variety(family, hours, given),
        _split(speech),
        _rhythm(given),
    ]
    shut = {*given, *_pointless(given)}
    rest = [Choice({k: v for k, v in choice.values.items() if k not in shut}, choice.reason) for choice in choices]
    return Recommendation(speech, tuple(choice for choice in rest if choice.values))


def open_keys(family: str, given: Values) -> set[str]:
    """Keys that `recommend` would give a value, whatever the speech."""
    speech = SpeechAmount(hours=1.0, n_clips=1000, longest_s=10.0)
    machine, sound = Machine(threads=2), Sound(frame_rate=75.0, n_codebooks=2)
    return set(recommend(speech, family=family, sound=sound, machine=machine, given=given).values)


def _pointless(given: Values) -> set[str]:
    """Keys that something given makes pointless, or stronger than it."""
    found: set[str] = set()
    if given.get("training.args.max_steps", -1) != -1 or "training.args.num_train_epochs" in given:
        found |= {"training.max_minutes", "training.args.num_train_epochs"}
    if "training.args.per_device_train_batch_size" in given:
        found.add("data.max_frames_per_batch")
    return found


def _toknar(hours: float) -> Values:
    width, layers = _tier(hours, (192, 4), (0.2, (256, 6)), (10.0, (320, 6)))
    return {
        "hidden_size": width,
        "encoder_layers": 4,
        "encoder_kernel_size": 3,
        "intermediate_size": 2 * width,
        "decoder_layers": layers,
        "decoder_intermediate_size": 3 * width,
        "frames_per_position": 2,
        "fine_layers": 2,
    }


def _tokar(hours: float) -> Values:
    width, layers = _tier(hours, (192, 3), (0.2, (256, 4)), (10.0, (320, 5)))
    sizes = {"hidden_size": width, "encoder_layers": 3, "encoder_kernel_size": 3}
    return {**sizes, "decoder_layers": layers, "intermediate_size": 3 * width, "history_dropout": 0.15}


def _tokflat(speech: SpeechAmount, sound: Sound) -> Values:
    """The reference's notebook model, long enough for the longest clip."""
    n_codes = math.ceil(max(speech.longest_s, 2.0) * sound.frame_rate + 1) * sound.n_codebooks
    positions = max(1024, n_codes + 1)
    return {
        "encoder": {"n_layer": 4, "n_head": 8, "n_embd": 128, "attn_pdrop": 0.2},
        "decoder": {"n_layer": 6, "n_head": 12, "n_embd": 192, "attn_pdrop": 0.2}
        | {"seq_length": n_codes, "n_positions": positions},
    }


SIZES: Mapping[str, Callable[[float], Values]] = {"toknar": _toknar, "tokar": _tokar}


def _size(family: str, hours: float, speech: SpeechAmount, sound: Sound, given: Values) -> Choice:
    if family == "tokflat":
        return Choice(_options(_tokflat(speech, sound)), "the reference's sizes")
    options = (
        {**SIZES[family](hours), "dropout": _tier(hours, 0.2, (0.2, 0.15), (0.75, 0.1))} if family in SIZES else {}
    )
    heads = given.get("model.options.num_attention_heads")
    if options and isinstance(heads, int) and heads > 0:
        # Rounded up, for the width must be a multiple of it.
        options["hidden_size"] = math.ceil(_number(options["hidden_size"]) / (2 * heads)) * 2 * heads
    return Choice(_options(options), "more speech hardly wants a larger model, less is sooner known by heart")


def _options(options: Values) -> Values:
    return {f"model.options.{name}": value for name, value in options.items()}


def _batch(hours: float, speech: SpeechAmount, sound: Sound, machine: Machine) -> Choice:
    seconds = _tier(hours, 20, (0.2, 27), (0.75, 40), (10.0, 53)) * (4 if machine.has_gpu else 1)
    longest = math.ceil(speech.longest_s * sound.frame_rate) + 1
    frames = max(math.ceil(seconds * sound.frame_rate), longest)
    return Choice({"data.max_frames_per_batch": frames}, f"{frames / sound.frame_rate:.0f} s of sound a step")


def _minutes(hours: float, machine: Machine) -> Choice:
    minutes = float(max(5, round(60 * math.sqrt(hours) * machine.slowness)))
    reason = "a GPU" if machine.has_gpu else f"{machine.threads} threads"
    return Choice(
        {"training.max_minutes": minutes},
        f"an hour for an hour of speech on two cores, half for a quarter; here {reason}",
    )


def _learning_rate(family: str, hours: float, given: Values) -> Choice:
    rate = _number(given.get("training.args.learning_rate", 1e-3))
    warmup = round(min(150 * math.sqrt(hours), 500))
    n_steps = _number(given.get("training.args.max_steps", -1))
    decay = _number(given.get("training.args.lr_decay_steps", n_steps))
    if decay > 0:
        warmup = min(warmup, max(0, int(decay) // 10))
    values = {
        "learning_rate": rate,
        "min_learning_rate": rate / 100,
        "lr_scheduler_type": "cosine",
        "warmup_steps": warmup,
        "weight_decay": 0.01 if family == "toknar" else 0.05,
        "adam_beta2": 0.98,
    }
    return Choice(_args(values), "falls to a hundredth by the end")


def _average(hours: float, machine: Machine, given: Values) -> Choice:
    minutes = _number(given.get("training.max_minutes", _minutes(hours, machine).values["training.max_minutes"]))
    decay = 0.995 if minutes / machine.slowness < 15 else 0.998
    return Choice({"training.ema_decay": decay}, f"speaks with the mean of about {1 / (1 - decay):.0f} steps")


def _variety(family: str, hours: float, given: Values) -> Choice:
    """Phrases where the family aligns and the tokenizer parts words, else a second copy of little speech."""
    if family == "toknar" and given.get("tokens.tokenizer") in PARTING_TOKENIZERS and "data.clip_seconds" not in given:
        share = _tier(hours, 0.5, (0.35, 0.4))
        values = {"data.phrase_share": share, "data.augmentation_copies": 1}
        return Choice(values, "words and joined phrases as well as whole clips")
    is_silent = given.get("data.augmentation_noise_std") == 0
    copies = 1 if is_silent else _tier(hours, 2, (0.35, 1))
    reason = "a second one with a trace of noise" if copies > 1 else "enough speech without noise"
    return Choice({"data.augmentation_copies": copies}, reason)


def _split(speech: SpeechAmount) -> Choice:
    share = round(1 - min(0.05, 100 / max(speech.n_clips, 1)), 4)
    return Choice({"data.train_fraction": share}, "a twentieth for validation, at most about 100 clips")


def _rhythm(given: Values) -> Choice:
    """How often it logs, evaluates and saves; evaluations and checkpoints fall together."""
    strategy = given.get("training.args.eval_strategy", "steps")
    evaluations = given.get("training.args.eval_steps", given.get("training.args.save_steps", 250))
    values = {
        "logging_steps": 50,
        "eval_strategy": strategy,
        "eval_steps": evaluations,
        "save_strategy": strategy if strategy != "no" else "steps",
        "save_steps": evaluations,
        "save_total_limit": 2,
    }
    return Choice(_args(values), "what a power cut may cost")


def _args(values: Values) -> Values:
    return {f"training.args.{name}": value for name, value in values.items()}


def _tier(hours: float, least: T, *steps: tuple[float, T]) -> T:
    """The value of the last step that the hours reach."""
    return next((value for limit, value in reversed(steps) if hours >= limit), least)


def _number(value: object) -> float:
    assert isinstance(value, (int, float))
    return value
