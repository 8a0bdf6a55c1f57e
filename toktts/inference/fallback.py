"""Another voice for sentences that fail their self-check: one that speaks in one pass and so cannot lose its place."""

import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from transformers import GenerationConfig

from toktts.errors import ModelError
from toktts.inference.judging import SpokenSentence, Wishes
from toktts.inference.speech import Speech, better
from toktts.inference.timestamps import tier_of
from toktts.inference.voices import BUNDLED, bundled_voice
from toktts.models._generation import check_controls, energy_of, pitch_of, speed_of

if TYPE_CHECKING:
    from toktts.inference.pipeline import TokttsPipeline

logger = logging.getLogger(__name__)


def fallback_folder(name: str | os.PathLike[str]) -> str:
    """Name the folder or Hub id of a voice, where `bundled` is the one that came with toktts.

    Raises:
        ModelError: `bundled`, and none came.
    """
    return bundled_voice() if os.fspath(name) == BUNDLED else os.fspath(name)


@dataclass(frozen=True)
class Fallback:
    """A voice that may stand in for another.

    Args:
        name: for the report.
        pipe: that speaks with it.
        seed: for it; None = torch's own generator.
        speed: 1 = as it learned to speak.
        pitch: the same, factor on the pitch.
        energy: the same, factor on the loudness.
    """

    name: str
    pipe: "TokttsPipeline"
    seed: int | None = None
    speed: float = 1.0
    pitch: float = 1.0
    energy: float = 1.0

    def asked_for(self, generation: GenerationConfig, seed: int | None) -> "Fallback":
        """Let it speak as the voice it stands in for was asked to.

        Raises:
            ModelError: it cannot change its speed, pitch or energy.
        """
        model = self.pipe.model
        check_controls(
            generation,
            f"fallback {model.config.model_type}",
            can_change_speed=model.can_change_speed,
            can_change_prosody=model.can_change_prosody,
            can_be_guided=True,
            can_choose_again=True,
        )
        speed, pitch, energy = speed_of(generation), pitch_of(generation), energy_of(generation)
        return replace(self, seed=seed, speed=speed, pitch=pitch, energy=energy)

    def check(self, *, sampling_rate: int, wishes: Wishes) -> None:
        """Refuse a voice that cannot stand in.

        Args:
            sampling_rate: Hz, of the voice it stands in for.
            wishes: what is asked for beside the sound.
        Raises:
            ModelError: it writes frame by frame itself, speaks at another rate, or cannot time what is to be timed.
        """
        config = self.pipe.model.config
        if self.pipe.model.is_autoregressive:
            raise ModelError(
                f"{config.model_type} writes frame by frame and may fail as well; name a toknar voice, or bundled",
                key="fallback",
            )
        if config.sampling_rate != sampling_rate:
            raise ModelError(
                f"{self.name} speaks at {config.sampling_rate} Hz, the voice at {sampling_rate} Hz; "
                "name one of the same rate",
                key="fallback",
            )
        for tier in wishes.tiers:
            if tier_of(self.pipe.tokenizer, tier) is None:
                raise ModelError(f"{self.name} cannot time {tier!r}; time words, or name another", key="fallback")

    def check_readable(self, sentences: Iterable[str], *, unknown: Literal["error", "skip"]) -> None:
        """Refuse text it cannot read, before anything is spoken.

        Raises:
            TextError: with the characters.
        """
        for sentence in sentences:
            self.pipe.sentences(sentence, unknown=unknown)

    def speak(
        self,
        failed: Mapping[str, SpokenSentence],
        wishes: Wishes,
        *,
        batch_size: int,
        unknown: Literal["error", "skip"],
    ) -> dict[str, SpokenSentence]:
        """Speak what another voice could not; where this one does no better, the other's speech stays.

        Args:
            failed: sentences, and the best that the other voice made of them.
            wishes: of the caller.
            batch_size: sentences spoken at once.
            unknown: what to do about characters it cannot read.
        Returns:
            The sentences, each with a note in its report on whose speech it is.
        """
        order = sorted(failed)
        spoken: list[Speech] = self.pipe(
            order,
            seed=self.seed,
            speed=None if self.speed == 1 else self.speed,
            pitch=None if self.pitch == 1 else self.pitch,
            energy=None if self.energy == 1 else self.energy,
            batch_size=batch_size,
            unknown=unknown,
            return_timestamps=wishes.tiers or None,
            self_check=True,
        )
        return {
            sentence: self._choose(failed[sentence], speech, n_tries=1 + wishes.retries)
            for sentence, speech in zip(order, spoken, strict=True)
        }

    def _choose(self, before: SpokenSentence, speech: Speech, *, n_tries: int) -> SpokenSentence:
        again = SpokenSentence(
            speech["audio"], speech["stop_reason"], set(speech["flaws"]), speech.get("alignments", ()), speech["report"]
        )
        chosen = better(before, again)
        assert before.report is not None
        assert chosen.report is not None
        tries = f"after {n_tries} {'try' if n_tries == 1 else 'tries'} ({', '.join(before.report.flags)})"
        did = "spoken by" if chosen is again else "not improved by"
        note = f"fallback: {did} {self.name} ({self.pipe.model.config.model_type}) {tries}"
        logger.warning("a sentence was %s", note.removeprefix("fallback: "))
        return replace(chosen, report=replace(chosen.report, notes=(*chosen.report.notes, note)))
