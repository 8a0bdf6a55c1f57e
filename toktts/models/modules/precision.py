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
    """Let the large linear layers of a module multiply in bfloat16; what goes in and comes out keeps its precision.

    Each gets a rounded copy of its weights beside its own, so that what is saved stays what was trained. Made for
    speaking: the copies do not follow a training, nor a move to another device.

    Args:
        module: any, already on its device.
    Returns:
        How many layers were changed.
    """
    changed = 0
    for layer in module.modules():
        if isinstance(layer, nn.Linear) and layer.weight.numel() >= LEAST_WEIGHTS:
            bias = None if layer.bias is None else layer.bias.detach().bfloat16()
            rounded = functools.partial(_multiply, weight=layer.weight.detach().bfloat16(), bias=bias)
            layer.forward = rounded  # type: ignore[method-assign]  # a subclass would change the names of weights
            changed += 1
    return changed


def _multiply(inputs: Tensor, *, weight: Tensor, bias: Tensor | None) -> Tensor:
    return nn.functional.linear(inputs.bfloat16(), weight, bias).to(inputs.dtype)
