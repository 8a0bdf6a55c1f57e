"""Speaking in half precision: the large matrix products in bfloat16, everything else as it is."""

import functools
from pathlib import Path

import torch
from torch import Tensor, nn

LEAST_WEIGHTS = 2**15
"""Of a linear layer; what is smaller gains nothing."""
CPU_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})


def computes_bfloat16(device: torch.device | None = None) -> bool:
    """Whether a device multiplies matrices of bfloat16 faster than of float32.

    Args:
        device: None = the CPU.
    """
    if device is not None and device.type != "cpu":
        return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    except OSError:  # not Linux
        return False
    return not CPU_FLAGS.isdisjoint(flags)


def multiply_in_bfloat16(module: nn.Module) -> int:
    """Let the large linear layers and convolutions of a module multiply in bfloat16, as autocast would.

    Each gets a rounded copy of its weights beside its own, made once, so that what is saved stays what was trained.
    For speaking: the copies do not follow a training, nor a move to another device.

    Args:
        module: any, already on its device.
    Returns:
        How many layers were changed.
    """
    layers = [layer for layer in module.modules() if isinstance(layer, nn.Linear | nn.Conv1d)]
    large = [layer for layer in layers if layer.weight.numel() >= LEAST_WEIGHTS and getattr(layer, "groups", 1) == 1]
    for layer in large:
        weight, bias = layer.weight.detach().bfloat16(), None if layer.bias is None else layer.bias.detach().bfloat16()
        product = functools.partial(_convolve, layer) if isinstance(layer, nn.Conv1d) else _multiply
        # A subclass would do as well, but for the names of the weights.
        layer.forward = functools.partial(product, weight, bias)  # type: ignore[method-assign]
    return len(large)


def _multiply(weight: Tensor, bias: Tensor | None, inputs: Tensor) -> Tensor:
    """Give bfloat16, as the next layer is to have it."""
    return nn.functional.linear(inputs.bfloat16(), weight, bias)


def _convolve(layer: nn.Conv1d, weight: Tensor, bias: Tensor | None, inputs: Tensor) -> Tensor:
    """Give what came in: a norm comes next."""
    convolved: Tensor = layer._conv_forward(inputs.bfloat16(), weight, bias)
    return convolved.to(inputs.dtype)
