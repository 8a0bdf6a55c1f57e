"""A transformers model with its codec beside it: saved together, and loaded without running anyone's code."""

import os
from pathlib import Path
from typing import Any, Self

import torch
from transformers import PreTrainedModel

import toktts.codecs
from toktts.codecs._base import Codec
from toktts.models._attaching import check_codec
from toktts.models._checkpoint import check_checkpoint, check_loading, codec_folder
from toktts.models._config import ToktsConfig

CODEC_FOLDER = "codec"


class ModelWithCodec(PreTrainedModel):  # type: ignore[no-untyped-call]
    """Weights in `<folder>`, the way from features to sound in `<folder>/codec`.

    The codec is no sub-module: it stays out of the optimizer, out of `.to(bfloat16)` and out of every training
    checkpoint. It is loaded when the first sound is made.
    """

    config_class = ToktsConfig
    config: ToktsConfig
    _codec: Codec | None

    def __init__(self, config: ToktsConfig) -> None:
        super().__init__(config)
        object.__setattr__(self, "_codec", None)

    @property
    def codec(self) -> Codec:
        """The way from features to sound; loaded from the model's folder at first use.

        Raises:
            ModelError: the model came without a codec.
        """
        if self._codec is None:
            self.attach_codec(toktts.codecs.load_codec(codec_folder(self.name_or_path or "", CODEC_FOLDER)))
        assert self._codec is not None
        return self._codec

    def attach_codec(self, codec: Codec) -> Self:
        """Use this codec for sound, and save it with the model.

        Raises:
            ModelError: the codec is not of the kind the model was trained for.
        """
        check_codec(self.config, codec)
        object.__setattr__(self, "_codec", codec)
        return self

    def save_pretrained(
        self, save_directory: str | os.PathLike[str], *args: Any, save_codec: bool = True, **kwargs: Any
    ) -> None:
        """Write model, configs and (first, so that `push_to_hub=True` finds it) the codec, if there is one.

        Args:
            save_directory: folder, made if missing.
            args: as the base class takes them.
            save_codec: False for training checkpoints, which the run folder's codec serves.
            kwargs: as the base class takes them.
        """
        if save_codec and self._codec is not None:
            self._codec.save_pretrained(Path(save_directory, CODEC_FOLDER))
        super().save_pretrained(save_directory, *args, **kwargs)

    @classmethod
    def from_pretrained(  # type: ignore[override]  # the base class's own arguments are passed on as they are
        cls, pretrained_model_name_or_path: str | os.PathLike[str], *args: Any, **kwargs: Any
    ) -> Any:
        """Load safetensors, and nothing else: no pickle, no remote code, no silently random weight.

        Weights become float32 unless another `dtype` is named, whatever the file holds ("auto" names none).

        Args:
            pretrained_model_name_or_path: folder or Hub id.
            args: as the base class takes them.
            kwargs: as the base class takes them.
        Raises:
            ModelError: pickled weights, a config that asks for code, missing or foreign tensors.
        """
        check_checkpoint(pretrained_model_name_or_path)
        wants_info = kwargs.pop("output_loading_info", False)
        kwargs |= {"output_loading_info": True, "use_safetensors": True}
        if kwargs.get("dtype") in (None, "auto") and kwargs.get("torch_dtype") in (None, "auto"):
            kwargs.pop("torch_dtype", None)
            kwargs["dtype"] = torch.float32
        loaded: Any = super().from_pretrained(pretrained_model_name_or_path, *args, **kwargs)
        model, info = loaded
        check_loading(pretrained_model_name_or_path, info)
        return (model, info) if wants_info else model
