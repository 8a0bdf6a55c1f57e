"""What a batch loses is a mean of what its rows lose alone, by the same rule however far it is padded."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from toktts import registry
from toktts.models import ToktsModel
from toktts.models._code_loss import code_loss
from toktts.models.fastspeech2 import FastSpeech2, FastSpeech2Config
from toktts.models.modules.averages import mean_of_batch
from toktts.models.toknar import Toknar, ToknarConfig


class Row(NamedTuple):
    """Text ids and frames of a row."""

    n_units: int
    n_frames: int


ROWS = (Row(7, 20), Row(3, 11))
IDS = torch.tensor([[5, 9, 3, 7, 11, 4, 1], [8, 6, 1, 0, 0, 0, 0]])
Weight = Callable[[Row, int], int]


def of_rows(row: Row, n_codebooks: int) -> int:
    del row, n_codebooks
    return 1


def of_units(row: Row, n_codebooks: int) -> int:
    del n_codebooks
    return row.n_units


def of_frames(row: Row, n_codebooks: int) -> int:
    del n_codebooks
    return row.n_frames


def of_codes_and_end(row: Row, n_codebooks: int) -> int:
    return row.n_frames * n_codebooks + 1


MEL_PARTS = ("loss", "mel_loss", "postnet_loss", "pitch_loss", "energy_loss", "duration_loss", "alignment_loss")
RULES: dict[str, Mapping[str, Weight]] = {
    "fastspeech2": dict.fromkeys(MEL_PARTS, of_rows),
    "nonattentive": dict.fromkeys(("loss", "first_loss", "final_loss", "duration_loss", "alignment_loss"), of_rows),
    "tokar": {"code_loss": of_frames, "advance_loss": of_frames, "alignment_loss": of_rows},
    "tokflat": {"loss": of_codes_and_end},
    "toknar": {
        "code_loss": of_frames,
        "duration_loss": of_units,
        "prosody_loss": of_units,
        "alignment_loss": of_rows,
    },
}


def with_options(family: type[ToktsModel], config: type, **options: Any) -> ToktsModel:
    """The tiny model of a family, with options."""
    sizes = {name: value for name, value in family.tiny().config.to_dict().items() if hasattr(config, name)}
    torch.manual_seed(0)
    return family(config(**(sizes | options))).eval()


def tiny(family: str) -> ToktsModel:
    if family == "toknar":
        return with_options(Toknar, ToknarConfig, prosody=True, code_weights=[2.0])
    return registry.load("toktts.models", family, ToktsModel).tiny()  # type: ignore[type-abstract]


def batch_of(model: ToktsModel) -> dict[str, Tensor]:
    """Two rows, the second padded; all that any family takes, but for durations."""
    generator, total = torch.Generator().manual_seed(0), ROWS[0].n_frames
    if model.feature_kind == "mel":
        labels = torch.randn(2, model.config.n_mels, total, generator=generator) - 5
    else:
        shape = (2, model.config.n_codebooks, total)
        labels = torch.randint(0, model.config.codebook_size, shape, generator=generator)
    pitch, energy = (torch.rand(2, total, generator=generator) * 100 + 100 for _ in range(2))
    labels[1, :, ROWS[1].n_frames :] = -100
    pitch[1, ROWS[1].n_frames :] = energy[1, ROWS[1].n_frames :] = 0.0
    rows = {"input_ids": IDS, "attention_mask": (IDS > 0).long(), "labels": labels}
    return rows | ({"pitch": pitch, "energy": energy} if model.wants_prosody else {})


def row_of(batch: dict[str, Tensor], row: int) -> dict[str, Tensor]:
    n_units, n_frames = ROWS[row]
    is_text = {"input_ids", "attention_mask"}
    return {
        name: value[row : row + 1, ..., : n_units if name in is_text else n_frames] for name, value in batch.items()
    }


def further(batch: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        name: torch.nn.functional.pad(value, (0, 5), value=-100 if name == "labels" else 0)
        for name, value in batch.items()
    }


def check(model: ToktsModel, parts: Mapping[str, Weight]) -> None:
    batch = batch_of(model)
    together, padded = model(**batch), model(**further(batch))
    alone = [model(**row_of(batch, row)) for row in range(2)]
    for part, weight in parts.items():
        shares = torch.tensor([float(weight(row, model.config.n_codebooks)) for row in ROWS])
        wanted = (torch.stack([output[part] for output in alone]) * shares).sum() / shares.sum()
        for output in (together, padded):
            torch.testing.assert_close(output[part], wanted, rtol=1e-5, atol=1e-5, msg=part)
        assert not torch.isclose(alone[0][part], alone[1][part], rtol=1e-3), f"{part}: the test is blind"


def test_every_family_says_by_what_its_losses_are_weighed() -> None:
    assert set(RULES) == set(registry.available("toktts.models"))


@torch.no_grad()
@pytest.mark.parametrize("family", RULES)
def test_a_padded_batch_loses_the_weighted_mean_of_what_its_rows_lose_alone(family: str) -> None:
    model = tiny(family)
    check(model, RULES[family])
    named = {name for name, value in model(**batch_of(model)).items() if name.endswith("_loss") and value is not None}
    assert named <= set(RULES[family]), "a part of the loss that this test does not know"


@torch.no_grad()
def test_codes_of_a_family_of_rows_are_weighed_by_rows_too() -> None:
    codes = {"feature": "codes", "n_mels": 0, "n_codebooks": 2, "codebook_size": 16, "code_weights": [3.0]}
    check(with_options(FastSpeech2, FastSpeech2Config, **codes), {"code_loss": of_rows})


def test_a_mean_over_nothing_is_0_and_what_does_not_count_has_no_gradient() -> None:
    errors = torch.tensor([[1.0, 2.0], [6.0, 5.0]], requires_grad=True)
    assert float(mean_of_batch(errors, torch.zeros(2, 2, dtype=torch.bool)).detach()) == 0.0
    mean = mean_of_batch(errors, torch.tensor([[True, True], [True, False]]))
    mean.backward()
    assert float(mean.detach()) == 3.0
    assert errors.grad is not None
    assert errors.grad[1, 1] == 0


@pytest.mark.parametrize("weights", [None, [2.0, 1.0]])
def test_a_batch_whose_codes_are_all_settled_costs_nothing(weights: list[float] | None) -> None:
    none = torch.full((1, 3, 2), -100)
    assert float(code_loss(torch.randn(1, 3, 2, 5), none, weights)) == 0.0
