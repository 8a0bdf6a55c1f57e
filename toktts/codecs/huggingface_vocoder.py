"""Vocoders of transformers as codecs of mel: SpeechT5HifiGan, FastSpeech2ConformerHifiGan and UnivNetModel."""

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, cast

import torch
from torch import Tensor

from toktts.audio import Waveform, pad_clips
from toktts.codecs import _hub
from toktts.codecs._base import CODEC_FILE, read_codec_file, write_codec_file
from toktts.codecs._mel import LogMel
from toktts.codecs._mel_codec import MelCodec, check_mel_facts
from toktts.codecs._pretrained import read_model
from toktts.codecs._quiet import quiet_transformers
from toktts.codecs._rows import frames_of_rows
from toktts.codecs._vocoder_kinds import KINDS, facts_of_model, kind_of, own_mel, vocoder_kind
from toktts.errors import CodecError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

NAME = "huggingface_vocoder"
FEWEST_FRAMES = 8  # UnivNet mirrors its edges, so it needs some.
NOISE_SEED = 0


class HuggingFaceVocoder(MelCodec):
    """Log-mel frames as a vocoder of transformers wants them, and that vocoder as the way back.

    Features are natural logarithms for all of them; where the vocoder wants decimal ones they are converted. Rows are
    computed one by one, and noise is the same every time, so sound never depends on neighbours.

    Args:
        model: the vocoder.
        log_mel: the mel it was made for; None = what is usual for its class.
        name: its Hub name, if it has one.
        revision: the commit of that name.
    Raises:
        CodecError: no vocoder, or not one of that rate, hop and bands; the message names both numbers.
    """

    feature_kind: ClassVar[Literal["codes", "mel"]] = "mel"

    def __init__(
        self,
        model: "PreTrainedModel",
        *,
        log_mel: LogMel | None = None,
        name: str | None = None,
        revision: str | None = None,
    ) -> None:
        self._kind = kind_of(model)
        self.log_mel = log_mel or own_mel(self._kind, model.config)
        check_mel_facts(facts_of_model(self._kind, model.config), self.log_mel)
        self._model = cast(Any, model)
        self._model.eval().requires_grad_(False)
        self.name = name
        self.revision = revision
        self.sampling_rate = self.log_mel.sampling_rate
        self.hop_length = self.log_mel.hop_length
        self.n_mels = self.log_mel.n_mels

    @torch.no_grad()
    def decode(self, features: Tensor, *, n_frames: Tensor | None = None) -> Waveform:
        """Turn log-mel (batch, n_mels, n_frames) back into sound; see `Codec.decode`.

        Raises:
            CodecError: another shape, values that are not finite, or weights that give no finite sound.
        """
        clips = []
        for row, count in zip(features, frames_of_rows(features, n_frames), strict=True):
            mel = row[None, :, :count].float()
            self.check_mel(mel)
            clips.append(self._speak(mel) if count else torch.zeros(0))
        return pad_clips(clips, self.sampling_rate)

    def _speak(self, mel: Tensor) -> Tensor:
        """Give samples (n_frames * hop_length,) of log-mel (1, n_mels, n_frames)."""
        n_frames = mel.shape[2]
        missing = max(0, FEWEST_FRAMES - n_frames)
        frames = torch.cat([mel, mel[:, :, -1:].expand(-1, -1, missing)], dim=2).transpose(1, 2)
        if self._kind.is_log10:
            frames = frames / math.log(10.0)
        model = self._model.to(mel.device)
        if self._kind.noise_size is None:
            samples: Tensor = model(frames).reshape(-1)
        else:
            noise = self._noise(frames.shape[1], getattr(model.config, self._kind.noise_size)).to(mel.device)
            samples = model(frames, noise_sequence=noise).waveforms.reshape(-1)
        if not bool(torch.isfinite(samples).all()):
            raise CodecError("decoded sound is not finite (NaN or infinity); the vocoder's weights are damaged")
        n_samples = n_frames * self.hop_length
        sound = samples[:n_samples].clamp(-1.0, 1.0)
        return torch.nn.functional.pad(sound, (0, n_samples - len(sound)))

    def _noise(self, n_frames: int, size: int) -> Tensor:
        """Give the same standard normal noise (1, n_frames, size) every time."""
        return torch.randn(1, n_frames, size, generator=torch.Generator().manual_seed(NOISE_SEED))

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write `codec.json` and, beside it, the model as transformers writes it (safetensors)."""
        with quiet_transformers():
            self._model.save_pretrained(folder)
        facts = {"mel": self.log_mel.facts(), "name": self.name, "revision": self.revision}
        write_codec_file(folder, {"codec": NAME, **facts})

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike[str]) -> Self:
        """Read a folder written by `save_pretrained`, or by that of a vocoder of transformers.

        Args:
            folder: holds `config.json` and safetensors; `codec.json` and `preprocessor_config.json` are optional.
        Raises:
            CodecError: no vocoder, weights that are not safetensors, damaged or incomplete, or code to be run.
        """
        path = Path(folder)
        facts = read_codec_file(path) if (path / CODEC_FILE).is_file() else {}
        model = _read_vocoder(path)
        name, revision = (str(facts[key]) if facts.get(key) else None for key in ("name", "revision"))
        return cls(model, log_mel=_mel_beside(path, facts, model), name=name, revision=revision)

    @classmethod
    def from_snapshot(cls, snapshot: _hub.Snapshot, *, name: str) -> Self:
        """Read files that were downloaded under a Hub name.

        Raises:
            CodecError: as `from_pretrained`.
        """
        model = _read_vocoder(snapshot.folder)
        log_mel = _mel_beside(snapshot.folder, {}, model)
        return cls(model, log_mel=log_mel, name=name, revision=snapshot.revision)

    @classmethod
    def tiny(cls) -> Self:
        """Build a HifiGan of 20 bands at 8 kHz with random weights: for tests."""
        from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig

        config = SpeechT5HifiGanConfig(
            model_in_dim=20,
            sampling_rate=8000,
            upsample_initial_channel=8,
            upsample_rates=[16, 16],
            upsample_kernel_sizes=[32, 32],
            resblock_kernel_sizes=[3],
            resblock_dilation_sizes=[[1]],
            initializer_range=0.3,
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return cls(SpeechT5HifiGan(config))


def _read_vocoder(folder: Path) -> "PreTrainedModel":
    import transformers

    kind = vocoder_kind(folder)
    if kind is None:
        names = ", ".join(kind.model_class for kind in KINDS)
        raise CodecError(f"holds no vocoder known here; use one of {names}", file=folder)
    model_class = getattr(transformers, kind.model_class)
    return read_model(folder, lambda **options: model_class.from_pretrained(folder, **options))


def _mel_beside(folder: Path, facts: dict[str, object], model: "PreTrainedModel") -> LogMel:
    """Take the mel that was saved with a vocoder, else that of its feature extractor, else the usual one."""
    if "mel" not in facts:
        return own_mel(kind_of(model), model.config, folder)
    try:
        return LogMel(**facts["mel"])  # type: ignore[arg-type]
    except (TypeError, ValueError, CodecError) as error:
        raise CodecError(
            f"has wrong settings ({error}); write it with save_pretrained", file=folder / CODEC_FILE, key="mel"
        ) from error
