"""A caller's model, spoken with and changed without a trace in the caller's own."""

import copy
from typing import Any, TypeVar

from torch import nn

from toktts.codecs._vocoder_codec import VocoderCodec
from toktts.models import ToktsModel

ModuleT = TypeVar("ModuleT", bound=nn.Module)


def borrow_model(model: ToktsModel, *, needs_codec: bool) -> ToktsModel:
    """Copy a model around its own weights, in eval mode; see `copy_around_weights`.

    Args:
        model: of a caller.
        needs_codec: whether its codec is to be loaded now, so that both hold the same.
    Raises:
        ModelError: there is no codec.
    """
    borrowed = copy_around_weights(model, keep=(model.codec if needs_codec else model._codec,))
    borrowed.train(mode=False)
    return borrowed


def borrow_vocoder(model: ToktsModel) -> None:
    """Let a model hold a copy of its codec, around the same weights, where its vocoder is a module of our own."""
    if isinstance(model.codec, VocoderCodec):
        model.attach_codec(copy_around_weights(model.codec))


def copy_around_weights(module: ModuleT, *, keep: tuple[object, ...] = ()) -> ModuleT:
    """Copy all that a module is made of but its weights, whose memory both share until one is moved to another device.

    What is set on the copy (a codec, a mode, how a layer computes) is not set on the original. Weights that are changed
    in place, as an optimizer does it, change in both.

    Args:
        module: any.
        keep: more that both shall hold.
    """
    shared: dict[int, Any] = {id(thing): thing for thing in (*keep, *module.buffers())}
    for weight in module.parameters():
        shared[id(weight)] = nn.Parameter(weight.detach(), requires_grad=weight.requires_grad)
    return copy.deepcopy(module, shared)
