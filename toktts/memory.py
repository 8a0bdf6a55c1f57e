"""Memory that is not enough, told from bugs: every library says it in its own way."""

import contextlib
from collections.abc import Callable, Iterator

from toktts.errors import ToktsError

# torch on a GPU, torch on the CPU, oneDNN.
SIGNS = ("out of memory", "can't allocate memory", "could not create a memory object")


def is_shortage(error: BaseException) -> bool:
    """Whether an error says that memory ran out."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in SIGNS)


@contextlib.contextmanager
def explain_shortage(explain: Callable[[], ToktsError]) -> Iterator[None]:
    """Raise what `explain` gives where memory runs out inside; other errors pass.

    Args:
        explain: makes an error that says what to lower.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_shortage(error):
            raise
        raise explain() from error
