import subprocess
import sys

import pytest
import torch

from toktts.errors import ModelError
from toktts.memory import explain_shortage, is_shortage


def test_a_real_shortage_is_recognised() -> None:
    code = """
import resource, torch
resource.setrlimit(resource.RLIMIT_AS, (2**36, resource.RLIM_INFINITY))
try:
    torch.empty(2**40)
except RuntimeError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert is_shortage(RuntimeError(done.stdout))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("shape mismatch"), False),
        (OSError(28, "No space left on device"), False),
    ],
)
def test_shortages_are_told_from_other_errors(error: BaseException, expected: bool) -> None:
    assert is_shortage(error) is expected


def test_a_shortage_is_explained_and_a_bug_is_not() -> None:
    with (
        pytest.raises(ModelError, match="say what to lower"),
        explain_shortage(lambda: ModelError("say what to lower")),
    ):
        raise MemoryError
    with pytest.raises(RuntimeError, match="shape"), explain_shortage(lambda: ModelError("say what to lower")):
        raise RuntimeError("shape mismatch")
