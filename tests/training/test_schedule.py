import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from toy_run import toy_trainer

from toktts.training.callbacks import TimeLimit
from toktts.training.schedule import KINDS, Kind, TimeSchedule, reference_factor, reference_schedule

PEAK, FLOOR = 2e-3, 2e-4
WARMUP, DECAY = 100, 1100


def optimizer() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=PEAK)


def learning_rates(kind: Kind, n_steps: int) -> list[float]:
    """What the optimizer gets at each step."""
    owner = optimizer()
    schedule = reference_schedule(owner, kind=kind, warmup_steps=WARMUP, decay_steps=DECAY, floor_ratio=FLOOR / PEAK)
    rates = []
    for _ in range(n_steps):
        rates.append(owner.param_groups[0]["lr"])
        owner.step()
        schedule.step()
    return rates


# Steps 0, half of the warm-up, its end, a quarter and the middle of the decay, its end, beyond.
CLOSED_FORMS: dict[Kind, dict[int, float]] = {
    "linear": {0: 0.0, 50: 1e-3, 100: 2e-3, 350: 1.55e-3, 600: 1.1e-3, 1100: 2e-4, 1200: 2e-4},
    # A quarter of the way: floor + (peak - floor) * (1 + cos 45°) / 2.
    "cosine": {
        0: 0.0,
        50: 1e-3,
        100: 2e-3,
        350: 2e-4 + 9e-4 * (1 + math.sqrt(0.5)),
        600: 1.1e-3,
        1100: 2e-4,
        1200: 2e-4,
    },
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_learning_rate_follows_the_closed_form_of_the_reference(kind: Kind) -> None:
    rates = learning_rates(kind, 1201)
    for step, expected in CLOSED_FORMS[kind].items():
        assert rates[step] == pytest.approx(expected, rel=0, abs=1e-9), step


counts = st.integers(0, 5000)


@given(kind=st.sampled_from(KINDS), step=counts, warmup=counts, decay=counts, floor=st.floats(0, 1))
def test_the_factor_stays_between_floor_and_one_once_warm(
    kind: Kind, step: int, warmup: int, decay: int, floor: float
) -> None:
    factor = reference_factor(kind, step, warmup_steps=warmup, decay_steps=decay, floor_ratio=floor)
    lowest = floor if step >= warmup else 0.0
    assert lowest - 1e-12 <= factor <= 1 + 1e-12


@given(kind=st.sampled_from(KINDS), step=counts, warmup=st.integers(1, 100), decay=st.integers(101, 5000))
def test_the_factor_rises_then_falls(kind: Kind, step: int, warmup: int, decay: int) -> None:
    def factor(at: int) -> float:
        return reference_factor(kind, at, warmup_steps=warmup, decay_steps=decay, floor_ratio=0.1)

    if step < warmup:
        assert factor(step) < factor(step + 1)
    else:
        assert factor(step) >= factor(step + 1)


def time_schedule(share: Callable[[], float], *, warmup_steps: int = 0) -> tuple[torch.optim.Optimizer, TimeSchedule]:
    owner = optimizer()
    return owner, TimeSchedule(
        owner, kind="cosine", warmup_steps=warmup_steps, share_done=share, floor_ratio=FLOOR / PEAK
    )


def test_by_time_the_learning_rate_follows_the_clock_and_not_the_steps() -> None:
    now = 0.0
    owner, schedule = time_schedule(lambda: now)
    rates = []
    for now in (0.0, 0.5, 0.5, 1.0):  # noqa: B007 - read by the lambda
        owner.step()
        schedule.step()
        rates.append(owner.param_groups[0]["lr"])
    assert rates == pytest.approx([PEAK, (PEAK + FLOOR) / 2, (PEAK + FLOOR) / 2, FLOOR], rel=1e-12)


def test_by_time_the_learning_rate_also_warms_up_in_steps() -> None:
    owner, schedule = time_schedule(lambda: 0.0, warmup_steps=4)
    rates = [owner.param_groups[0]["lr"]]
    for _ in range(5):
        owner.step()
        schedule.step()
        rates.append(owner.param_groups[0]["lr"])
    assert rates == pytest.approx([PEAK * factor for factor in (0, 0.25, 0.5, 0.75, 1, 1)], rel=1e-12)


def test_a_schedule_by_time_goes_on_with_its_warm_up_after_a_resume() -> None:
    owner, schedule = time_schedule(lambda: 0.0, warmup_steps=4)
    for _ in range(2):
        owner.step()
        schedule.step()
    other, resumed = time_schedule(lambda: 0.0, warmup_steps=4)
    resumed.load_state_dict(schedule.state_dict())
    other.step()
    resumed.step()
    assert other.param_groups[0]["lr"] == pytest.approx(0.75 * PEAK, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "time_limit", "expected"),
    [
        ("cosine", None, "LambdaLR"),
        ("linear", TimeLimit(1.0), "TimeSchedule"),
        ("reduce_lr_on_plateau", None, "ReduceLROnPlateau"),
    ],
)
def test_the_trainer_takes_the_schedule_by_its_name(
    tmp_path: Path, name: str, time_limit: TimeLimit | None, expected: str
) -> None:
    extra = {"eval_strategy": "steps"} if name == "reduce_lr_on_plateau" else {}
    trainer = toy_trainer(tmp_path, family="tokflat", lr_scheduler_type=name, time_limit=time_limit, **extra)
    trainer.create_optimizer()
    assert type(trainer.create_scheduler(10)).__name__ == expected


def test_the_trainer_hands_the_floor_and_the_end_of_the_decay_to_the_schedule(tmp_path: Path) -> None:
    trainer = toy_trainer(
        tmp_path,
        family="tokflat",
        lr_scheduler_type="linear",
        learning_rate=PEAK,
        min_learning_rate=FLOOR,
        lr_decay_steps=12,
    )
    owner = trainer.create_optimizer()
    schedule = trainer.create_scheduler(100)
    for _ in range(7):
        owner.step()
        schedule.step()
    # Half of the decay, which goes from the end of the warm-up, 2, to 12.
    assert owner.param_groups[0]["lr"] == pytest.approx((PEAK + FLOOR) / 2, rel=1e-9)


def test_inverse_sqrt_is_the_schedule_of_noam(tmp_path: Path) -> None:
    hidden_size, warmup_steps = 256, 4
    peak = (hidden_size * warmup_steps) ** -0.5
    trainer = toy_trainer(
        tmp_path, family="tokflat", lr_scheduler_type="inverse_sqrt", learning_rate=peak, warmup_steps=warmup_steps
    )
    owner = trainer.create_optimizer()
    schedule = trainer.create_scheduler(100)
    for step in range(1, 40):
        owner.step()
        schedule.step()
        # Vaswani et al. 2017, arXiv:1706.03762, equation 3.
        expected = hidden_size**-0.5 * min(step**-0.5, step * warmup_steps**-1.5)
        assert owner.param_groups[0]["lr"] == pytest.approx(expected, rel=1e-9)
