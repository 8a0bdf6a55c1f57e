"""What every model family must know about the text going in and the codec behind it."""

from typing import Literal, Self

from huggingface_hub.dataclasses import strict
from transformers import PreTrainedConfig


@strict
class ToktsConfig(PreTrainedConfig):  # type: ignore[no-untyped-call]
    """What all families must know about the text going in and the codec behind them.

    Args:
        codec_sampling_rate: Hz of the sound.
        codec_hop_length: samples per frame.
        n_codebooks: codes per frame; of codecs with codes.
        codebook_size: values a code can have.
        n_mels: bands of a frame; of codecs with mel, else 0.
        mel_facts: what shapes these frames (`LogMel.facts`), to know a vocoder of the same mel; None = not known.
        speakers: names of the speakers it was trained on, by id; None where it does not tell them apart.
        text_vocab_size: ids the tokenizer can give.
        text_limit: most ids a text may have.
        pad_token_id: padding of the text tokenizer, under the name that the Trainer aligns with the tokenizer.
        eos_token_id: end of the text, of the text tokenizer.
    """

    keys_to_ignore_at_inference = ["past_key_values"]  # noqa: RUF012 - the name and type are the base class's

    codec_sampling_rate: int = 24_000
    codec_hop_length: int = 320
    n_codebooks: int = 2
    codebook_size: int = 1024
    n_mels: int = 0
    mel_facts: dict[str, int | float | str] | None = None
    speakers: list[str] | None = None
    text_vocab_size: int = 384
    text_limit: int = 1024
    pad_token_id: int | None = 0
    eos_token_id: int | list[int] | None = 1
    is_encoder_decoder: bool = True

    @property
    def sampling_rate(self) -> int:
        """Hz; the stock text-to-speech pipeline reads it under this name."""
        return self.codec_sampling_rate

    @property
    def frame_rate(self) -> float:
        """Frames per second."""
        return self.codec_sampling_rate / self.codec_hop_length

    @property
    def feature_kind(self) -> Literal["codes", "mel"]:
        """What the model writes. Families that can write both have an option `feature` for it."""
        return "mel" if getattr(self, "feature", "codes") == "mel" else "codes"

    @property
    def wants_prosody(self) -> bool:
        """Whether the model learns from the pitch and the energy of every frame, which are cached only then."""
        return False

    @property
    def can_be_guided(self) -> bool:
        """Whether the model learned what speech is like without its text, so that `guidance_scale` has a meaning."""
        return False

    @property
    def can_choose_again(self) -> bool:
        """Whether the model learned to choose codes given others, so that `refinement_steps` has a meaning."""
        return False

    @property
    def takes_durations(self) -> bool:
        """Whether `forward` can be told the frames of each text id, and then asks no aligner."""
        return False

    @property
    def frames_per_text_id(self) -> int:
        """Frames that each text id needs at least, where durations are not told; 0 for families that do not align."""
        return 0

    def get_text_config(self, decoder: bool | None = None, encoder: bool | None = None) -> Self:  # noqa: ARG002
        """Name this config as the one that drives generation.

        The base class would guess at `decoder_*` fields and write `num_hidden_layers` and others onto a copy.
        """
        return self
