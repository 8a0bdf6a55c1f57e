"""Weights of WaveGlow under the names that its authors gave them -> under ours."""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from toktts.errors import CodecError

RENAMES = (
    (r"upsample\.(weight|bias)", r"upsample.\1"),
    (r"convinv\.(\d+)\.conv\.weight", r"flows.\1.mix"),
    (r"WN\.(\d+)\.start\.(weight|bias)", r"flows.\1.net.embed.\2"),
    (r"WN\.(\d+)\.in_layers\.(\d+)\.(weight|bias)", r"flows.\1.net.dilated.\2.\3"),
    (r"WN\.(\d+)\.cond_layer\.(weight|bias)", r"flows.\1.net.condition.\2"),
    (r"WN\.(\d+)\.res_skip_layers\.(\d+)\.(weight|bias)", r"flows.\1.net.contract.\2.\3"),
    (r"WN\.(\d+)\.end\.(weight|bias)", r"flows.\1.net.head.\2"),
)
"""Their names as patterns, and ours; `mix` is the matrix without the last axis of a convolution."""
_NORMED = (("weight_g", "weight_v"), ("parametrizations.weight.original0", "parametrizations.weight.original1"))
_OLD_CONDITION = re.compile(r"(WN\.\d+)\.cond_layers\.(\d+)\.(weight|bias)")


def convert_waveglow(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename weights of NVIDIA's WaveGlow to those of `WaveGlow`; nothing is read from a file.

        WaveGlow(WaveGlowOptions(), weights=convert_waveglow(load_file("theirs.safetensors"))).save_pretrained(folder)

    A pickle, as theirs is published, can run code: turn it into safetensors in a sandbox first. Weight norm is folded
    where it is still there, and the one condition a layer of older versions becomes one for all.

    Args:
        weights: of a state dict, by name; a leading `module.` or `waveglow.` does no harm.
    Raises:
        CodecError: a name that WaveGlow does not have.
    """
    plain = {re.sub(r"^(module\.|waveglow\.)+", "", name): tensor for name, tensor in weights.items()}
    return dict(_renamed(name, tensor) for name, tensor in _joined(_folded(plain)).items())


def _folded(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Multiply directions by their lengths (Salimans and Kingma 2016, arXiv:1602.07868, equation 2)."""
    folded = dict(weights)
    for length_name, direction_name in _NORMED:
        for name in [name for name in folded if name.endswith(f".{length_name}")]:
            place = name.removesuffix(length_name)
            length = folded.pop(name).float()
            if place + direction_name not in folded:
                raise CodecError(f"has {name!r}, but not {place + direction_name!r}; take the whole state dict")
            direction = folded.pop(place + direction_name).float()
            norm = direction.flatten(1).norm(dim=1).view(-1, *[1] * (direction.ndim - 1))
            folded[f"{place}weight"] = direction * (length / norm)
    return folded


def _joined(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Put the conditions of the layers of a flow behind each other."""
    parts: dict[str, dict[int, Tensor]] = {}
    joined = {}
    for name, tensor in weights.items():
        if old := _OLD_CONDITION.fullmatch(name):
            parts.setdefault(f"{old[1]}.cond_layer.{old[3]}", {})[int(old[2])] = tensor
        else:
            joined[name] = tensor
    return joined | {name: torch.cat([layers[key] for key in sorted(layers)]) for name, layers in parts.items()}


def _renamed(name: str, tensor: Tensor) -> tuple[str, Tensor]:
    for theirs, ours in RENAMES:
        if found := re.fullmatch(theirs, name):
            is_mix = ours.endswith(".mix") and tensor.ndim == 3
            return found.expand(ours), (tensor[:, :, 0] if is_mix else tensor).float().contiguous()
    raise CodecError(f"has a weight {name!r}, which WaveGlow has not; take the state dict of the model alone")


def check_weights(wanted: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> None:
    """Refuse weights that lack some, have others, or have other shapes.

    Raises:
        CodecError: says how many, and the first of them.
    """
    for fault, names in (("lacks", _without(wanted, given)), ("has unknown", _without(given, wanted))):
        if names:
            raise CodecError(f"{fault} weights, {len(names)} of them, first {names[0]!r}; use convert_waveglow")
    for name, tensor in wanted.items():
        if given[name].shape != tensor.shape:
            raise CodecError(
                f"is {tuple(given[name].shape)}, the options want {tuple(tensor.shape)}; change them", key=name
            )


def _without(first: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> list[str]:
    return sorted(set(first) - set(other))
