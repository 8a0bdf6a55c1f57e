"""Whether a codec is the one that a model was made for; and small models with theirs, for tests."""

from typing import TYPE_CHECKING, TypeVar

import torch

from toktts.codecs._base import Codec
from toktts.codecs._mel import LogMel
from toktts.codecs._mel_codec import MelCodec, check_same_mel
from toktts.errors import ModelError
from toktts.models._config import ToktsConfig
from toktts.models._generation import seeded

if TYPE_CHECKING:
    from toktts.models._base import ToktsModel

Voice = TypeVar("Voice", bound="ToktsModel")

FACTS = {"codes": ("n_codebooks", "codebook_size"), "mel": ("n_mels",)}


def check_codec(config: ToktsConfig, codec: Codec) -> None:
    """Refuse a codec whose features or rate are not the model's.

    Raises:
        ModelError: names the first fact that differs.
        CodecError: the same bands, but not of the same mel.
    """
    if codec.feature_kind != config.feature_kind:
        raise ModelError(f"model writes {config.feature_kind}, codec reads {codec.feature_kind}; use another codec")
    expected = {"sampling_rate": config.codec_sampling_rate, "hop_length": config.codec_hop_length}
    expected |= {name: getattr(config, name) for name in FACTS[config.feature_kind]}
    for name, value in expected.items():
        offered = getattr(codec, name)
        if offered != value:
            raise ModelError(f"model expects {name} {value}, codec has {offered}; use the codec it was trained with")
    if config.mel_facts is not None and isinstance(codec, MelCodec):
        check_same_mel(codec.log_mel, LogMel(**config.mel_facts))  # type: ignore[arg-type]  # as LogMel.facts gave them


def small_voice(family: type[Voice], config: ToktsConfig, codec: Codec) -> Voice:
    """Build a model with fixed random weights, its codec attached, in eval mode: what `ToktsModel.tiny` gives.

    Args:
        family: of the model.
        config: of that family, with small sizes.
        codec: that fits it.
    """
    with seeded(0, torch.device("cpu")):
        model = family(config)
    model.train(mode=False)
    return model.attach_codec(codec)
