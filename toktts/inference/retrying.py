"""Speaking again: which sentences need it, and the pipeline's generation arguments with the seed of another try."""

from collections.abc import Mapping
from typing import Any

from transformers import GenerationConfig

from toktts.inference.judging import SpokenSentence
from toktts.models import ToktsModel
from toktts.models._generation import merge_generation

Params = Mapping[str, Any]
"""`forward_params` and, stronger, `generate_kwargs`, as the stock pipeline hands them on."""
SEED_STEP = 1_000_003  # so that the second try of one seed is not the first of the next


def effective_generation(model: ToktsModel, defaults: Mapping[str, Any], params: Params) -> GenerationConfig:
    """Merge as `generate` will, as far as drawing, speed, pitch and energy go.

    Args:
        model: its own config comes first.
        defaults: arguments given for all calls; a `generation_config` in `params` replaces them.
        params: of one call.
    """
    given = {**params["forward_params"], **params["generate_kwargs"]}
    if "generation_config" not in given:
        given = {**defaults, **given}
    changes = {name: given.get(name) for name in ("do_sample", "speed", "pitch", "energy")}
    return merge_generation(model.generation_config, given.get("generation_config"), changes)


def seed_of(params: Params) -> int | None:
    """Read the seed that was given, if one was."""
    seed: int | None = {**params["forward_params"], **params["generate_kwargs"]}.get("seed")
    return seed


def reseeded(params: Params, attempt: int) -> dict[str, Any]:
    """Give the same arguments with the seed of another attempt; without a seed every attempt differs anyway."""
    seed = seed_of(params)
    if seed is None:
        return dict(params)
    seed = (seed + attempt * SEED_STEP) % 2**63
    return {**params, "generate_kwargs": {**params["generate_kwargs"], "seed": seed}}


def failed_of(spoken: Mapping[str, SpokenSentence]) -> dict[str, SpokenSentence]:
    """Pick the sentences that did not pass their check."""
    return {part: one for part, one in spoken.items() if one.report is not None and not one.report.passed}
