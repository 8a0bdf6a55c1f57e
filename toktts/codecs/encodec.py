"""Any audio codec of transformers: EnCodec, and with it DAC and Mimi, by Hub name or from a folder."""

import hashlib
import inspect
import json
import math
import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, cast

import torch
from torch import Tensor

from toktts.audio import Waveform
from toktts.codecs import _hub
from toktts.codecs._base import CODEC_FILE, Codec, read_codec_file, write_codec_file
from toktts.codecs._pretrained import read_audio_codec
from toktts.codecs._quiet import quiet_transformers
from toktts.codecs._random_encodec import random_encodec, tiny_config
from toktts.codecs._rows import check_finite, frames_of_rows, groups_of_equal
from toktts.errors import CodecError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

DEFAULT_NAME = "facebook/encodec_24khz"


class HuggingFaceCodec(Codec):
    """A mono codec of transformers with `encode` and `decode`, behind the contract of this project.

    Every clip is computed at whole seconds (rounded up to frames) of its own, padded with silence, or with its last
    frame on the way back. So what comes out never depends on the neighbours in the batch, whether the codec is causal
    (EnCodec, Mimi) or not (DAC), and oneDNN caches one plan a second instead of one a length, which grew without end.

    Args:
        model: EncodecModel, DacModel, MimiModel or one like them.
        bandwidth_kbps: chooses the number of codebooks. None = the lowest that EnCodec was trained for (1.5 for
            24 kHz), and all codebooks of the others.
        name: its Hub name, if it has one.
        revision: the commit of that name.
    Raises:
        CodecError: stereo, chunked or loudness-normalising (EnCodec 48 kHz), or a bandwidth that it does not have.
    """

    feature_kind: ClassVar[Literal["codes", "mel"]] = "codes"
    is_slow = True

    def __init__(
        self,
        model: "PreTrainedModel",
        *,
        bandwidth_kbps: float | None = None,
        name: str | None = None,
        revision: str | None = None,
    ) -> None:
        config = model.config
        _check_is_plain(config)
        self._model = cast(Any, model)
        self._model.eval().requires_grad_(False)
        self.name = name
        self.revision = revision
        self.sampling_rate = int(config.sampling_rate)
        self.hop_length = int(getattr(config, "hop_length", 0) or round(self.sampling_rate / config.frame_rate))
        self.codebook_size = int(config.codebook_size)
        self.bandwidth_kbps, self.n_codebooks = self._choose_codebooks(bandwidth_kbps)
        self._encode_parameters = frozenset(inspect.signature(self._model.encode).parameters)
        self._decode_parameters = frozenset(inspect.signature(self._model.decode).parameters)

    @cached_property
    def identity(self) -> str:
        """Name, revision, bandwidth and a hash of config and weights; equal for a copy in another folder."""
        digest = hashlib.sha256(_settings(self._model.config).encode())
        for key, weight in sorted(self._model.state_dict().items()):
            digest.update(f"{key} {weight.dtype} {tuple(weight.shape)}".encode())
            digest.update(weight.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
        name = self.name or self._model.config.model_type
        return f"encodec:{name}@{self.revision or 'local'}:{self.bandwidth_kbps:g}kbps:{digest.hexdigest()}"

    def encode(self, waveform: Waveform) -> Tensor:
        """Turn mono speech into codes, padding the last frame of each clip with silence.

        Args:
            waveform: samples (batch, n_samples), in [-1, 1], at `self.sampling_rate` Hz.
        Returns:
            (batch, n_codebooks, n_frames), integers in [0, codebook_size); 0 behind the end of a clip.
        Raises:
            SamplingRateError: resample first; this never resamples silently.
            AudioError: samples are not finite.
            CodecError: the codebooks are empty, as those of a randomly built EnCodec.
        Source: Défossez et al. 2022, arXiv:2210.13438, section 3.2.
        """
        self.check_rate(waveform)
        check_finite(waveform)
        self._check_codebooks()
        samples, lengths = waveform.samples, [int(length) for length in waveform.row_lengths.tolist()]
        # Made outside inference mode, or no model could be trained on these codes.
        codes = torch.zeros(
            len(lengths), self.n_codebooks, self.n_frames(samples.shape[1]), dtype=torch.long, device=samples.device
        )
        for n_frames, rows in groups_of_equal([self._whole_seconds(self.n_frames(length)) for length in lengths]):
            padded = samples.new_zeros(len(rows), n_frames * self.hop_length)
            for place, row in enumerate(rows):
                padded[place, : lengths[row]] = samples[row, : lengths[row]]
            encoded = self._encode_padded(padded)
            for place, row in enumerate(rows):
                count = self.n_frames(lengths[row])
                codes[row, :, :count] = encoded[place, :, :count]
        return codes

    def decode(self, features: Tensor, *, n_frames: Tensor | None = None) -> Waveform:
        """Turn codes back into sound, `hop_length` samples a frame.

        Args:
            features: codes (batch, n_codebooks, n_frames), as `encode` gives them.
            n_frames: int64 (batch,), frames of each row that count; the rest is ignored. None = all.
        Returns:
            Samples in [-1, 1] (peaks are limited), silent behind the end of a clip.
        Raises:
            CodecError: another shape, codes outside [0, codebook_size), or weights that give no finite sound.
        """
        counts = frames_of_rows(features, n_frames)
        is_real = torch.arange(features.shape[-1], device=features.device) < torch.tensor(
            counts, device=features.device
        ).reshape(-1, 1, 1)
        codes = torch.where(is_real, features, 0)
        self.check_codes(codes)
        samples = torch.zeros(len(counts), codes.shape[2] * self.hop_length, device=codes.device)
        for padded_frames, rows in groups_of_equal([self._whole_seconds(count) for count in counts]):
            padded = torch.stack([_repeat_last(codes[row, :, : counts[row]], padded_frames) for row in rows])
            decoded = self._decode_padded(padded)
            for place, row in enumerate(rows):
                # DAC at odd strides gives a few samples less than hop_length a frame.
                sound = decoded[place, : counts[row] * self.hop_length]
                samples[row, : len(sound)] = sound
        lengths = torch.tensor(counts, dtype=torch.long) * self.hop_length
        return Waveform(samples, self.sampling_rate, lengths)

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write `codec.json` and, beside it, the model as transformers writes it (safetensors)."""
        with quiet_transformers():
            self._model.save_pretrained(folder)
        facts = {"bandwidth_kbps": self.bandwidth_kbps, "name": self.name, "revision": self.revision}
        write_codec_file(folder, {"codec": "encodec", **facts})

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike[str], *, bandwidth_kbps: float | None = None) -> Self:
        """Read a folder written by `save_pretrained`, or by that of a codec of transformers.

        Args:
            folder: holds `config.json` and safetensors; `codec.json` is optional.
            bandwidth_kbps: another one than the folder names.
        Raises:
            CodecError: no audio codec, weights that are not safetensors, damaged or incomplete, or code to be run.
        """
        facts = read_codec_file(folder) if Path(folder, CODEC_FILE).is_file() else {}
        bandwidth, name, revision = (facts.get(key) for key in ("bandwidth_kbps", "name", "revision"))
        return cls(
            read_audio_codec(folder),
            bandwidth_kbps=bandwidth_kbps or (float(str(bandwidth)) if bandwidth else None),
            name=str(name) if name else None,
            revision=str(revision) if revision else None,
        )

    @classmethod
    def from_snapshot(cls, snapshot: _hub.Snapshot, *, name: str, bandwidth_kbps: float | None = None) -> Self:
        """Read files that were downloaded under a Hub name.

        Args:
            snapshot: as `_hub.fetch` gives it.
            name: `owner/repository`, as `facebook/encodec_24khz`, `descript/dac_24khz`, `kyutai/mimi`.
            bandwidth_kbps: chooses the number of codebooks.
        Raises:
            CodecError: no codec.
        """
        model = read_audio_codec(snapshot.folder)
        return cls(model, bandwidth_kbps=bandwidth_kbps, name=name, revision=snapshot.revision)

    @classmethod
    def tiny(cls) -> Self:
        """Build an EnCodec with 2 codebooks of 16 at 75 frames/s and random weights: for tests."""
        return cls(random_encodec(tiny_config(), seed=0))

    def _choose_codebooks(self, bandwidth_kbps: float | None) -> tuple[float, int]:
        """Give the bandwidth and the codebooks that it pays for."""
        config = self._model.config
        kbps_each = self.frame_rate * math.log2(self.codebook_size) / 1000
        most = int(getattr(config, "num_quantizers", 0) or getattr(config, "n_codebooks", 0))
        trained: list[float] = list(getattr(config, "target_bandwidths", []))
        if trained:
            bandwidth = trained[0] if bandwidth_kbps is None else bandwidth_kbps
            allowed = bandwidth in trained
            choices = ", ".join(f"{choice:g}" for choice in trained)
        else:
            bandwidth = most * kbps_each if bandwidth_kbps is None else bandwidth_kbps
            allowed = kbps_each <= bandwidth * (1 + 1e-6) and bandwidth <= most * kbps_each * (1 + 1e-6)
            choices = f"{kbps_each:g} to {most * kbps_each:g}, in steps of {kbps_each:g}"
        if not allowed:
            raise CodecError(f"codec has no {bandwidth:g} kbps; choose {choices}", key="codec.bandwidth_kbps")
        return bandwidth, max(1, int(bandwidth * (1 + 1e-6) / kbps_each))

    def _whole_seconds(self, n_frames: int) -> int:
        """Round frames up to whole seconds."""
        second = math.ceil(self.frame_rate)
        return -(-n_frames // second) * second

    @torch.inference_mode()
    def _encode_padded(self, samples: Tensor) -> Tensor:
        """Give the codes of samples (batch, n_samples) that all have the same length."""
        wanted = {
            "bandwidth": self.bandwidth_kbps,
            "n_quantizers": self.n_codebooks,
            "num_quantizers": self.n_codebooks,
        }
        options = {key: value for key, value in wanted.items() if key in self._encode_parameters}
        codes: Tensor = self._model.to(samples.device).encode(samples[:, None], **options).audio_codes
        return codes[0] if codes.ndim == 4 else codes  # EnCodec: (1 chunk, batch, n_codebooks, n_frames).

    @torch.inference_mode()
    def _decode_padded(self, codes: Tensor) -> Tensor:
        """Give samples (batch, n_samples) in [-1, 1] of codes that all have the same length."""
        model = self._model.to(codes.device)
        if "audio_scales" in self._decode_parameters:
            output = model.decode(audio_codes=codes[None], audio_scales=[None])
        else:
            output = model.decode(audio_codes=codes)
        samples: Tensor = output.audio_values.reshape(len(codes), -1).float()
        if not bool(torch.isfinite(samples).all()):
            raise CodecError("decoded sound is not finite (NaN or infinity); the codec's weights are damaged")
        return samples.clamp(-1, 1)

    def _check_codebooks(self) -> None:
        """Refuse codebooks without content: every code would be 0."""
        endings = ("codebook.embed", "codebook.embed_sum", "codebook.weight")
        books = [book for key, book in self._model.state_dict().items() if key.endswith(endings)]
        if any(not bool(book.any()) for book in books[: self.n_codebooks]):
            raise CodecError(
                "codebooks are all zero (random weights), so every code would be 0; "
                "load trained weights or call toktts.codecs.fill_codebooks"
            )


def _check_is_plain(config: Any) -> None:
    """Refuse codecs whose codes alone do not give the sound back."""
    if getattr(config, "audio_channels", 1) != 1 or getattr(config, "normalize", False):
        raise CodecError(f"is stereo or keeps loudness beside the codes; use a mono codec as {DEFAULT_NAME}")
    if getattr(config, "chunk_length_s", None) is not None:
        raise CodecError(f"cuts sound into overlapping chunks; use a codec without chunks as {DEFAULT_NAME}")


def _settings(config: Any) -> str:
    """Give everything in a model config that could change the codes, as stable text."""
    passing = ("_name_or_path", "architectures", "dtype", "transformers_version")
    return json.dumps({k: v for k, v in config.to_dict().items() if k not in passing}, sort_keys=True, default=str)


def _repeat_last(codes: Tensor, n_frames: int) -> Tensor:
    """Lengthen codes (n_codebooks, n_frames) by their last frame, which rings out softer than a jump to code 0."""
    return torch.cat([codes, codes[:, -1:].expand(-1, n_frames - codes.shape[1])], dim=1)
