"""Train on a rented machine: `cloud_training.py --cloud-config FILE [--detach] [--power-off] -- <trainer args>`."""

import sys
from pathlib import Path

from toktts.entry import run_command
from toktts.launch.command import main

if __name__ == "__main__":
    own = sys.argv[1 : sys.argv.index("--")] if "--" in sys.argv else sys.argv[1:]
    run_command(lambda: main(sys.argv[1:], repository=Path(__file__).resolve().parent), debug="--debug" in own)
