"""Let a voice speak: `python generate_samples.py --config config/demo.yaml [--text TEXT | --texts FILE --out DIR]`."""

import sys

from toktts.entry import run_command
from toktts.evaluation.samples.generate import main

if __name__ == "__main__":
    run_command(lambda: main(sys.argv[1:]), debug="--debug" in sys.argv)
