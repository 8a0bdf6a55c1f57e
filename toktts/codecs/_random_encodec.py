"""EnCodec models with random weights whose codes still depend on the sound: for experiments without a download."""

import math
import os
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from toktts.codecs._quiet import quiet_transformers

if TYPE_CHECKING:
    from transformers import EncodecConfig, EncodecModel

CODE_SHRINK = 0.8  # Below 1, so that a frame that became a code still leaves the next codebook something to code.


def small_config() -> "EncodecConfig":
    """Describe an EnCodec with the frames and codes of the real one, from 168 thousand weights."""
    from transformers import EncodecConfig

    return EncodecConfig(num_filters=4, hidden_size=16, num_lstm_layers=1, target_bandwidths=[1.5, 3.0])


def tiny_config() -> "EncodecConfig":
    """Describe an EnCodec with the frames of the real one and 2 x 16 codes: milliseconds."""
    from transformers import EncodecConfig

    return EncodecConfig(num_filters=2, hidden_size=8, num_lstm_layers=1, codebook_size=16, target_bandwidths=[0.6])


def save_random_encodec(folder: str | os.PathLike[str], *, seed: int = 0, small: bool = False) -> None:
    """Write an EnCodec with seeded random weights and filled codebooks, to be named as `codec.name_or_path`.

    Args:
        folder: made if missing; gets `config.json` and `model.safetensors`.
        seed: equal seeds give equal weights.
        small: `small_config` instead of the shape of facebook/encodec_24khz (14.9 million weights).
    """
    from transformers import EncodecConfig

    model = random_encodec(small_config() if small else EncodecConfig(), seed=seed)
    with quiet_transformers():
        model.save_pretrained(folder)


def random_encodec(config: "EncodecConfig", *, seed: int) -> "EncodecModel":
    """Build a random EnCodec whose codes are chosen by the sound, leaving the global random state alone."""
    from transformers import EncodecModel

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = EncodecModel(config)
    _let_the_sound_speak(model, seed)
    fill_codebooks(model, seed)
    return model


@torch.no_grad()
def fill_codebooks(model: "EncodecModel", seed: int) -> None:
    """Fill the codebooks with frames that the encoder gives on seeded sounds.

    A randomly built EncodecModel has all-zero codebooks: every code is 0 and every sound decodes to the same.

    Args:
        model: its codebooks are overwritten, nothing else.
        seed: for the sounds and the frames drawn from them.
    """
    size = model.config.codebook_size
    residual = _embeddings(model, size + size // 4, seed)
    generator = torch.Generator().manual_seed(seed)
    layers: Any = model.quantizer.layers
    for layer in layers:
        drawn = torch.randperm(len(residual), generator=generator)[:size]
        layer.codebook.embed.copy_(CODE_SHRINK * residual[drawn])
        layer.codebook.embed_avg.copy_(layer.codebook.embed)
        layer.codebook.cluster_size.fill_(1.0)
        residual = residual - layer.codebook.decode(layer.codebook.encode(residual))


@torch.no_grad()
def _let_the_sound_speak(model: "EncodecModel", seed: int) -> None:
    """Drop the encoder's biases, which would drown the sound 50 to 1, and scale its output to unit variance."""
    for name, parameter in model.encoder.named_parameters():
        if "bias" in name:
            parameter.zero_()
    last: Any = model.encoder.layers[-1]
    last.conv.parametrizations.weight.original0.div_(_embeddings(model, 75, seed).std())


def _embeddings(model: "EncodecModel", n_frames: int, seed: int) -> Tensor:
    """Give the encoder's output (n_frames, hidden_size) on seeded sound."""
    sound = _varied_sound(n_frames * model.config.hop_length, model.config.sampling_rate, seed)
    frames: Tensor = model.encoder(sound[None, None])[0].T
    return frames


def _varied_sound(n_samples: int, sampling_rate: int, seed: int) -> Tensor:
    """Give (n_samples,) of noise and a gliding tone that swell and fade apart from each other, within [-1, 1]."""
    time_s = torch.arange(n_samples) / sampling_rate
    noise = torch.rand(n_samples, generator=torch.Generator().manual_seed(seed)) - 0.5
    glide = torch.sin(2 * math.pi * (150 * time_s + 40 * torch.sin(2 * math.pi * 0.7 * time_s)))
    noise_level = torch.sin(2 * math.pi * 1.3 * time_s).square()
    tone_level = torch.sin(2 * math.pi * 0.9 * time_s + 1.0).square()
    return 0.5 * noise * noise_level + 0.4 * glide * tone_level
