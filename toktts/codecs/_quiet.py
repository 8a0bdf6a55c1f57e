"""transformers without its bars and warnings, while it reads or writes one small file."""

import contextlib
from collections.abc import Iterator

from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars


@contextlib.contextmanager
def quiet_transformers() -> Iterator[None]:
    """Show no bar and no warning of transformers inside, and leave its settings as they were.

    What matters is raised as an error of ours; a command that fails prints one line, not a bar as well.
    """
    from transformers.utils import logging

    level, was_shown = logging.get_verbosity(), logging.is_progress_bar_enabled()
    hub_shows_none = are_progress_bars_disabled()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.set_verbosity(level)
        # Both switch the bars of huggingface_hub too, which the user may have set otherwise.
        if was_shown:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
        (disable_progress_bars if hub_shows_none else enable_progress_bars)()
