"""Generation arguments as the pipeline holds them: what they come to, and the same with another seed."""

from collections.abc import Mapping
from typing import Any

from transformers import GenerationConfig

from toktts.models import ToktsModel
from toktts.models._generation import merge_generation

Params = Mapping[str, Any]
"""`forward_params` and, stronger, `generate_kwargs`, as the stock pipeline hands them on."""
SEED_STEP = 1_000_003  # so that the second try of one seed is not the first of the next


def effective_generation(model: ToktsModel, defaults: Mapping[str, Any], params: Params) -> GenerationConfig:
    """Merge as `generate` will, as far as drawing and speed go.

    Args:
        model: its own config comes first.
        defaults: arguments given for all calls; a `generation_config` in `params` replaces them.
        params: of one call.
    """
    given = {**params["forward_params"], **params["generate_kwargs"]}
    if "generation_config" not in given:
        given = {**defaults, **given}
    changes = {name: given.get(name) for name in ("do_sample", "speed")}
    return merge_generation(model.generation_config, given.get("generation_config"), changes)


def reseeded(params: Params, attempt: int) -> dict[str, Any]:
    """Give the same arguments with the seed of another attempt; without a seed every attempt differs anyway."""
    given = {**params["forward_params"], **params["generate_kwargs"]}
    if given.get("seed") is None:
        return dict(params)
    seed = (given["seed"] + attempt * SEED_STEP) % 2**63
    return {**params, "generate_kwargs": {**params["generate_kwargs"], "seed": seed}}
