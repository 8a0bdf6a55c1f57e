"""What the files of commands share."""

from collections.abc import Callable
from typing import Any

import typer

Run = Callable[[typer.Context, Callable[[], None]], Any]
"""Ends the process the way every command does."""
PASS_THROUGH = {"ignore_unknown_options": True, "allow_extra_args": True}
"""For commands that parse their words themselves."""
