"""Log-mel frames, and a small neural way back to sound that is trained here."""

from typing import ClassVar, Literal, Self

import torch
from torch import Tensor

from toktts.codecs._mel import LogMel, mel_scores
from toktts.codecs._mel_codec import MelCodec
from toktts.codecs._mel_vocoder_options import MelVocoderOptions
from toktts.codecs._vocoder_codec import VocoderCodec, frame_vocoder
from toktts.codecs._vocoder_options import VocoderOptions

__all__ = ["MelVocoder", "MelVocoderOptions"]


class MelVocoder(MelCodec, VocoderCodec):
    """The usual log-mel frames of LJSpeech systems -> ConvNeXt, pulses and noise, inverse STFT.

    What `decode` gives is noise until the vocoder is trained (`config/codec/mel_vocoder.yaml`).
    """

    feature_kind: ClassVar[Literal["codes", "mel"]] = "mel"
    name: ClassVar[str] = "mel_vocoder"
    version: ClassVar[int] = 1
    options_class: ClassVar[type[VocoderOptions]] = MelVocoderOptions
    options: MelVocoderOptions

    def __init__(self, options: MelVocoderOptions) -> None:
        VocoderCodec.__init__(self, options)
        self.log_mel = LogMel(
            options.sampling_rate,
            options.n_fft,
            hop_length=options.hop_length,
            n_mels=options.n_mels,
            f_max=options.f_max,
            floor_by="clip",
            edges="reflect",
        )
        self.vocoder = frame_vocoder(options, options.n_mels)
        self.eval()

    def check_features(self, features: Tensor) -> None:
        """Refuse mel frames of another shape, or that are not finite."""
        self.check_mel(features)

    def frame_vectors(self, features: Tensor) -> Tensor:
        """Normalise log-mel (batch, n_mels, n_frames) and put its bands last: (batch, n_frames, n_mels)."""
        return mel_scores(features.float(), mean=self.options.mel_mean, std=self.options.mel_std)

    @classmethod
    def tiny(cls) -> Self:
        """Build a small codec of 20 bands with fixed random weights."""
        sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            codec = cls(MelVocoderOptions(n_mels=20, n_fft=512, **sizes))
            codec.round_weights()
        return codec
