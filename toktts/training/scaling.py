"""What to train with how much speech: sizes, batches, minutes and the rest, as voices on two cores have shown it."""

import math
from dataclasses import dataclass

from toktts.data.amount import SpeechAmount
from toktts.training.sizes import Sound, Values, sizes_for, tier

LEAST_HOURS, MOST_HOURS = 1 / 12, 24.0
MANY_EPOCHS = 10_000
LEAST_EPOCHS, MOST_EPOCHS = 15, 45
EPOCH_HOURS = 11.0
"""Hours that one pass to codes hears, repeats included: 45 times a quarter, 22 times a half (docs/experiments.md)."""
PARTING_TOKENIZERS = ("phonemes", "mixed", "characters", "bytes")
# Families with which phrases were measured (docs/experiments.md); others that align can be trained with them, too.
PHRASED = frozenset({"toknar", "tokar", "fastspeech2", "nonattentive"})
ONE_PASS = frozenset({"toknar", "fastspeech2", "nonattentive"})


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
        _epochs(family, hours, sound, machine, given),
        _learning_rate(family, hours, given),
        _average(hours, machine, given),
        _variety(family, hours, sound, given),
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


def _size(family: str, hours: float, speech: SpeechAmount, sound: Sound, given: Values) -> Choice:
    options = dict(sizes_for(family, hours, speech=speech, sound=sound))
    heads = given.get("model.options.num_attention_heads")
    if "hidden_size" in options and isinstance(heads, int) and heads > 0:
        # Rounded up, for the width must be a multiple of it.
        options["hidden_size"] = math.ceil(_number(options["hidden_size"]) / (2 * heads)) * 2 * heads
    if family == "tokflat":
        reason = "the reference's sizes"
    else:
        reason = "more speech hardly wants a larger model, less is sooner known by heart"
    return Choice({f"model.options.{name}": value for name, value in options.items()}, reason)


def _batch(hours: float, speech: SpeechAmount, sound: Sound, machine: Machine) -> Choice:
    seconds = tier(hours, 20, (0.2, 27), (0.75, 40), (10.0, 53)) * (4 if machine.has_gpu else 1)
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


def _epochs(family: str, hours: float, sound: Sound, machine: Machine, given: Values) -> Choice:
    if family in ONE_PASS and not sound.is_mel and "training.max_minutes" not in given:
        epochs = max(LEAST_EPOCHS, min(MOST_EPOCHS, round(EPOCH_HOURS / hours)))
        epochs *= 2 if machine.has_gpu else 1  # a larger batch makes fewer steps of an epoch
        return Choice({"training.args.num_train_epochs": epochs}, "then it begins to know the speech by heart")
    return Choice({"training.args.num_train_epochs": MANY_EPOCHS}, "the minutes end it")


def _learning_rate(family: str, hours: float, given: Values) -> Choice:
    rate = _number(given.get("training.args.learning_rate", 1e-3))
    warmup = round(min(150 * math.sqrt(max(hours, 1.0)), 500))
    n_steps = _number(given.get("training.args.max_steps", -1))
    decay = _number(given.get("training.args.lr_decay_steps", n_steps))
    if decay > 0:
        warmup = min(warmup, max(0, int(decay) // 10))
    values = {
        "learning_rate": rate,
        "min_learning_rate": rate / 100,
        "lr_scheduler_type": "cosine",
        "warmup_steps": warmup,
        "weight_decay": 0.01 if family in ONE_PASS else 0.05,
        "adam_beta2": 0.98,
    }
    return Choice(_args(values), "falls to a hundredth by the end")


def _average(hours: float, machine: Machine, given: Values) -> Choice:
    minutes = _number(given.get("training.max_minutes", _minutes(hours, machine).values["training.max_minutes"]))
    decay = 0.995 if minutes / machine.slowness < 15 else 0.998
    return Choice({"training.ema_decay": decay}, f"speaks with the mean of about {1 / (1 - decay):.0f} steps")


def _variety(family: str, hours: float, sound: Sound, given: Values) -> Choice:
    """Phrases where the family aligns and the tokenizer parts words, else a second copy of little speech."""
    can_part = given.get("tokens.tokenizer") in PARTING_TOKENIZERS and "data.clip_seconds" not in given
    if family in PHRASED and can_part:
        share = tier(hours, 0.5, (0.35, 0.4))
        values = {"data.phrase_share": share, "data.augmentation_copies": 1}
        return Choice(values, "words and joined phrases as well as whole clips")
    if sound.is_mel:
        return Choice({"data.augmentation_copies": 1}, "a mel with noise would be spoken with noise")
    is_silent = given.get("data.augmentation_noise_std") == 0
    copies = 1 if is_silent else tier(hours, 2, (0.35, 1))
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


def _number(value: object) -> float:
    assert isinstance(value, (int, float))
    return value
