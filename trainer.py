"""Train a voice or a codec: `python trainer.py --config config/demo.yaml [section.key=value ...]`."""

import sys

from toktts.commands import train_command
from toktts.entry import run_command

if __name__ == "__main__":
    run_command(lambda: train_command(sys.argv[1:]), debug="--debug" in sys.argv)
