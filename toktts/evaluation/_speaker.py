"""Speech -> a vector that says who speaks: the GE2E encoder whose weights the package resemblyzer ships."""

import hashlib
import math

import numpy as np
import torch
from torch import Tensor, nn
from transformers.audio_utils import mel_filter_bank

from toktts.errors import MissingPackageError
from toktts.evaluation._packages import INSTALL, package_file
from toktts.evaluation._sound import JUDGE_RATE, speech_part

N_MELS, HIDDEN_SIZE, N_LAYERS = 40, 256, 3
N_FFT, HOP_LENGTH = 400, 160  # samples: 25 and 10 ms
WINDOW, STEP = 160, 77  # frames that one vector hears, and from one to the next
LEVEL_DB = -30.0
WEIGHTS_SHA256 = "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e"
# Where each tensor lies in the file. Its hash is known, so bytes can be taken as they are, and nothing is unpickled.
PLACES = {
    **{"lstm.weight_ih_l0": 269883, "lstm.weight_hh_l0": 433723, "lstm.bias_ih_l0": 5676603},
    **{"lstm.weight_ih_l1": 1482299, "lstm.weight_hh_l1": 2530875, "lstm.bias_ih_l1": 5684795},
    **{"lstm.weight_ih_l2": 3579451, "lstm.weight_hh_l2": 4628027, "lstm.bias_ih_l2": 5692987},
    **{"lstm.bias_hh_l0": 5680699, "lstm.bias_hh_l1": 5688891, "lstm.bias_hh_l2": 5697083},
    **{"linear.weight": 7731, "linear.bias": 6699},
}


class SpeakerEncoder(nn.Module):
    """Hears 1.6 s at a time and gives the mean direction.

    Source: Wan et al. 2018, arXiv:1710.10467; weights of Resemble AI, Apache-2.0.
    """

    filters: Tensor
    window: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(N_MELS, HIDDEN_SIZE, N_LAYERS, batch_first=True)
        self.linear = nn.Linear(HIDDEN_SIZE, HIDDEN_SIZE)
        bank = mel_filter_bank(
            N_FFT // 2 + 1, N_MELS, 0.0, JUDGE_RATE / 2, JUDGE_RATE, norm="slaney", mel_scale="slaney"
        )
        self.register_buffer("filters", torch.from_numpy(bank).T.float().contiguous(), persistent=False)
        self.register_buffer("window", torch.hann_window(N_FFT), persistent=False)

    @classmethod
    def load(cls) -> "SpeakerEncoder":
        """Build it with the weights of the package.

        Raises:
            MissingPackageError: resemblyzer is not installed, or its weights are others.
        """
        content = package_file("resemblyzer", "pretrained.pt", package="resemblyzer").read_bytes()
        if hashlib.sha256(content).hexdigest() != WEIGHTS_SHA256:
            raise MissingPackageError(f"weights are not those of 0.1.4; {INSTALL}", key="resemblyzer")
        encoder = cls()
        shapes = {name: tensor.shape for name, tensor in encoder.state_dict().items()}
        encoder.load_state_dict({name: _read(content, place, shapes[name]) for name, place in PLACES.items()})
        return encoder.train(mode=False)

    @torch.inference_mode()
    def forward(self, samples: Tensor) -> Tensor:
        """Say who speaks.

        Args:
            samples: (n_samples,), in [-1, 1], at 16 kHz, not silent.
        Returns:
            (256,), of length 1.
        """
        level = samples.square().mean().sqrt().clamp(min=1e-9)
        raised = samples * max(1.0, math.pow(10.0, LEVEL_DB / 20) / float(level))
        frames = self._frames(speech_part(raised))
        windows = frames.unfold(0, WINDOW, STEP).transpose(1, 2)
        _, (hidden, _) = self.lstm(windows)
        vectors = nn.functional.normalize(torch.relu(self.linear(hidden[-1])), dim=1)
        return nn.functional.normalize(vectors.mean(dim=0), dim=0)

    def _frames(self, samples: Tensor) -> Tensor:
        """Mel-weighted power (n_frames, n_mels), at least one window of them."""
        spectrum = torch.stft(
            samples, N_FFT, HOP_LENGTH, window=self.window, center=True, pad_mode="constant", return_complex=True
        )
        mel = (self.filters @ spectrum.abs().square()).T
        return nn.functional.pad(mel, (0, 0, 0, max(0, WINDOW - len(mel))))


def _read(content: bytes, place: int, shape: torch.Size) -> Tensor:
    values = np.frombuffer(content, dtype="<f4", count=shape.numel(), offset=place)
    return torch.from_numpy(values.astype(np.float32)).view(shape)
