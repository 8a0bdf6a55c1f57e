"""Our own codec: log-mel frames, quantised by k-means, and a small neural way back to sound.

Encoding needs no training beyond k-means, so codes are fixed in seconds and never change while the vocoder learns.
"""

import hashlib
import json
from dataclasses import asdict
from typing import ClassVar, Literal, Self

import torch
from torch import Tensor, nn

from toktts.audio import Waveform, pad_clips
from toktts.codecs._mel import LogMel
from toktts.codecs._melrvq_options import VOCODER_OPTIONS, MelRVQOptions
from toktts.codecs._rows import check_finite, frames_of_rows
from toktts.codecs._rvq import dequantize, fit_codebooks, quantize
from toktts.codecs._vocoder_codec import WEIGHTS_FILE, VocoderCodec, frame_vocoder
from toktts.codecs._vocoder_options import VocoderOptions
from toktts.errors import CodecError

__all__ = ["WEIGHTS_FILE", "MelRVQ", "MelRVQOptions"]

CODES_VERSION = 1
"""Of the way from sound to codes; raised when codes change."""


class MelRVQ(VocoderCodec):
    """Log-mel frames -> residual k-means codes -> ConvNeXt, pulses and noise, inverse STFT.

    Build one with `MelRVQ(options)`, then `fit` it on mel frames; `decode` is noise until its vocoder is trained
    (`config/codec/`).
    """

    feature_kind: ClassVar[Literal["codes", "mel"]] = "codes"
    name: ClassVar[str] = "melrvq"
    version: ClassVar[int] = 2
    options_class: ClassVar[type[VocoderOptions]] = MelRVQOptions
    exact: ClassVar[tuple[str, ...]] = ("mean", "scale", "codebooks")
    options: MelRVQOptions
    mean: Tensor
    scale: Tensor
    codebooks: Tensor

    def __init__(self, options: MelRVQOptions) -> None:
        super().__init__(options)
        self.n_codebooks = options.n_codebooks
        self.codebook_size = options.codebook_size
        self.log_mel = LogMel(
            options.sampling_rate,
            options.n_fft,
            hop_length=options.hop_length,
            n_mels=options.n_mels,
            floor=options.floor,
        )
        self.register_buffer("mean", torch.zeros(options.n_mels))
        self.register_buffer("scale", torch.ones(options.n_mels))
        self.register_buffer("codebooks", torch.zeros(options.n_codebooks, options.codebook_size, options.n_mels))
        tables = [nn.Embedding(options.codebook_size, options.code_embedding_size) for _ in range(options.n_codebooks)]
        for table in tables:
            nn.init.normal_(table.weight, std=0.02)
        self.code_embeddings = nn.ModuleList(tables)
        self.vocoder = frame_vocoder(options, options.n_mels + options.code_embedding_size)
        self.eval()

    @property
    def identity(self) -> str:
        """Name, version and hash of what shapes codes: the options of the front and the codebooks, not the vocoder."""
        front = {key: value for key, value in asdict(self.options).items() if key not in VOCODER_OPTIONS}
        digest = hashlib.sha256(json.dumps(front, sort_keys=True).encode())
        for tensor in (self.mean, self.scale, self.codebooks):
            digest.update(tensor.detach().cpu().float().numpy().tobytes())
        return f"melrvq-{CODES_VERSION}-{digest.hexdigest()[:16]}"

    def fit(self, mel: Tensor, *, iterations: int = 30, seed: int = 0) -> None:
        """Fit the codebooks on mel frames of the corpus.

        Args:
            mel: (n_frames, n_mels), as `log_mel` gives them; at least 4 frames a centroid.
            iterations: passes of k-means for each codebook.
            seed: of the k-means.
        Raises:
            CodecError: too few frames for the codebook size.
        """
        needed = 4 * self.codebook_size
        if len(mel) < needed:
            raise CodecError(
                f"{len(mel)} mel frames are too few for codebooks of {self.codebook_size}, which want {needed}; "
                "give more speech or a smaller codebook_size",
                key="codec.options.codebook_size",
            )
        weights = torch.linspace(self.options.low_band_weight, self.options.high_band_weight, self.n_mels)
        self.mean.copy_(mel.mean(dim=0))
        self.scale.copy_(weights.to(mel.device) / mel.std())
        self.codebooks.copy_(
            fit_codebooks(
                (mel - self.mean) * self.scale,
                self.n_codebooks,
                codebook_size=self.codebook_size,
                iterations=iterations,
                seed=seed,
            )
        )

    @torch.no_grad()
    def encode(self, waveform: Waveform) -> Tensor:
        """Turn mono speech into codes (batch, n_codebooks, n_frames); see `Codec.encode`."""
        self.check_rate(waveform)
        check_finite(waveform)
        lengths = waveform.row_lengths.tolist()
        n_frames = self.n_frames(waveform.samples.shape[1])
        codes = torch.zeros(len(waveform), self.n_codebooks, n_frames, dtype=torch.long, device=waveform.samples.device)
        # Row by row: batches gain nothing on a CPU, and a clip's codes cannot depend on its neighbours.
        for row, length in enumerate(lengths):
            if length:
                mel = self.log_mel(waveform.samples[row : row + 1, :length])[0].T
                codes[row, :, : self.n_frames(length)] = quantize((mel - self.mean) * self.scale, self.codebooks)
        return codes

    @torch.no_grad()
    def decode_soft(self, probabilities: Tensor, *, n_frames: Tensor | None = None) -> Waveform:
        """Turn probabilities of codes into sound; see `Codec.decode_soft`.

        The vocoder sees the mean, by probability, of what it would see of each code.
        """
        clips = []
        for row, count in zip(probabilities, frames_of_rows(probabilities[..., 0], n_frames), strict=True):
            frames = self._mean_frame_vectors(row[:, :count])[None]
            clips.append(self.vocoder(frames).samples[0].clamp(-1.0, 1.0) if count else torch.zeros(0))
        return pad_clips(clips, self.sampling_rate)

    def _mean_frame_vectors(self, probabilities: Tensor) -> Tensor:
        """As `frame_vectors`, of probabilities (n_codebooks, n_frames, codebook_size): (n_frames, values)."""
        learned = torch.stack([table.get_parameter("weight") for table in self.code_embeddings])
        mixed: Tensor = (probabilities.float() @ torch.cat([self.codebooks, learned], dim=2)).sum(dim=0)
        return mixed

    def check_features(self, features: Tensor) -> None:
        """Refuse codes of another shape or outside [0, codebook_size)."""
        self.check_codes(features)

    def frame_vectors(self, features: Tensor) -> Tensor:
        """Look up what the vocoder sees of codes (batch, n_codebooks, n_frames): (batch, n_frames, values)."""
        batch, _, n_frames = features.shape
        flat = features.transpose(0, 1).reshape(self.n_codebooks, -1)
        mel = dequantize(flat, self.codebooks)
        learned = sum((table(row) for table, row in zip(self.code_embeddings, flat, strict=True)), torch.zeros(()))
        return torch.cat([mel, learned], dim=1).view(batch, n_frames, -1)

    @classmethod
    def tiny(cls) -> Self:
        """Build a codec of 2 x 16 codes at 75 Hz with fixed random weights."""
        options = MelRVQOptions(
            n_mels=20, n_fft=640, codebook_size=16, hidden_size=16, intermediate_size=32, num_hidden_layers=2
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            codec = cls(options)
            codec.round_weights()
            speech_like = torch.randn(2, options.sampling_rate) * torch.linspace(0, 0.5, options.sampling_rate)
        codec.fit(codec.log_mel(speech_like).transpose(1, 2).flatten(0, 1), iterations=3)
        return codec
