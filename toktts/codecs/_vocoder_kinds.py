"""The mel that vocoders of transformers were made for: from their config, their feature extractor, or what is usual."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toktts.codecs._mel import LogMel
from toktts.errors import CodecError

FRONT_FILE = "preprocessor_config.json"


@dataclass(frozen=True)
class VocoderKind:
    """One class of vocoders.

    Args:
        model_class: its name in transformers.
        model_type: of its config.
        mel: what it is usually trained on, as `LogMel` takes it.
        is_log10: whether it wants decimal logarithms; else natural ones.
        strides: field of the config whose product is the hop.
        n_mels: field of the config.
        noise_size: field of the config with the noise values a frame; None = it wants no noise.
        front_in_ms: whether its feature extractor counts hop and window in milliseconds.
    """

    model_class: str
    model_type: str
    mel: Mapping[str, Any]
    is_log10: bool
    strides: str
    n_mels: str
    noise_size: str | None = None
    front_in_ms: bool = False


_ESPNET = {"n_fft": 1024, "f_min": 80.0, "f_max": 7600.0, "floor": 1e-10, "floor_by": "clip", "edges": "reflect"}
KINDS = (
    VocoderKind(
        "SpeechT5HifiGan",
        "speecht5_hifigan",
        _ESPNET | {"sampling_rate": 16_000},
        is_log10=True,
        strides="upsample_rates",
        n_mels="model_in_dim",
        front_in_ms=True,
    ),
    VocoderKind(
        "FastSpeech2ConformerHifiGan",
        "fastspeech2_conformer_hifigan",
        _ESPNET | {"sampling_rate": 22_050},
        is_log10=True,
        strides="upsample_rates",
        n_mels="model_in_dim",
        front_in_ms=True,
    ),
    VocoderKind(
        "UnivNetModel",
        "univnet",
        # It mirrors edges, but centres frames on their hop; silence instead changes the first and last two.
        {"sampling_rate": 24_000, "n_fft": 1024, "f_max": 12_000.0, "floor": 1e-5, "floor_by": "clip"},
        is_log10=False,
        strides="resblock_stride_sizes",
        n_mels="num_mel_bins",
        noise_size="model_in_channels",
    ),
)


def vocoder_kind(folder: Path) -> VocoderKind | None:
    """Say which vocoder a folder of transformers holds; None = no vocoder, or nothing that can be read."""
    facts = _read(folder / "config.json")
    architectures = facts.get("architectures") or []
    for kind in KINDS:
        # The oldest ones on the Hub all have the model_type "hifigan".
        if kind.model_class in architectures or (not architectures and kind.model_type == facts.get("model_type")):
            return kind
    return None


def kind_of(model: Any) -> VocoderKind:
    """Say which kind a model is.

    Raises:
        CodecError: it is no vocoder of those known here.
    """
    for kind in KINDS:
        if kind.model_class == type(model).__name__:
            return kind
    names = ", ".join(kind.model_class for kind in KINDS)
    raise CodecError(f"{type(model).__name__} is no vocoder known here; use one of {names}")


def own_mel(kind: VocoderKind, config: Any, folder: Path | None = None) -> LogMel:
    """Build the mel that a vocoder reads, with natural logarithms.

    Args:
        kind: of the vocoder.
        config: of the model; hop and bands follow from it.
        folder: where its feature extractor's settings may lie.
    Raises:
        CodecError: the feature extractor contradicts the model.
    """
    needed = facts_of_model(kind, config)
    front = {} if folder is None or not (folder / FRONT_FILE).is_file() else _front(kind, folder / FRONT_FILE, needed)
    mel = {**kind.mel, **front, **needed}
    mel["f_max"] = min(float(mel["f_max"]), mel["sampling_rate"] / 2)
    return LogMel(**mel)


def facts_of_model(kind: VocoderKind, config: Any) -> dict[str, int]:
    """Say what a model leaves no choice about: hop, bands, and the rate if its config names one."""
    facts = {"hop_length": math.prod(getattr(config, kind.strides)), "n_mels": int(getattr(config, kind.n_mels))}
    rate = getattr(config, "sampling_rate", None)
    return facts if rate is None else {"sampling_rate": int(rate), **facts}


def _front(kind: VocoderKind, path: Path, needed: Mapping[str, int]) -> dict[str, Any]:
    """Read what a feature extractor says about the mel."""
    facts = _read(path)
    if facts.get("do_normalize"):
        raise CodecError(
            "normalises the mel, which is not done here; use a vocoder that reads plain log-mel", file=path
        )
    rate = int(facts.get("sampling_rate", needed.get("sampling_rate", kind.mel["sampling_rate"])))
    samples = rate / 1000 if kind.front_in_ms else 1
    said = {"sampling_rate": rate, "n_mels": facts.get("num_mel_bins")}
    said["hop_length"] = round(facts.get("hop_length", 0) * samples) or None
    for name, value in needed.items():
        if said[name] not in (None, value):
            raise CodecError(
                f"says {said[name]}, but the vocoder beside it takes {value}; save both again", file=path, key=name
            )
    ours = {"fmin": "f_min", "fmax": "f_max", "compression_clip_val": "floor"}
    if kind.front_in_ms:
        ours["mel_floor"] = "floor"
    front = {name: facts[theirs] for theirs, name in ours.items() if facts.get(theirs) is not None}
    if win_length := round(facts.get("win_length", 0) * samples):
        front |= {"win_length": win_length, "n_fft": facts.get("filter_length") or 2 ** (win_length - 1).bit_length()}
    return {"sampling_rate": rate, **front}


def _read(path: Path) -> dict[str, Any]:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}
