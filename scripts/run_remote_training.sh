#!/usr/bin/env bash
# On the rented machine: install, train, speak. cloud_training.py starts it.
#   scripts/run_remote_training.sh <yes|no: power off afterwards> <trainer args...>
set -euo pipefail
cd "$(dirname "$0")/.."

power_off=${1:?yes or no}
shift
# Also after a failure: a machine that idles costs as much as one that trains.
if [ "$power_off" = yes ]; then trap 'sudo poweroff' EXIT; fi

# Images bring all kinds of Python, most of them without venv; older Ubuntus offer 3.11 beside their own.
if command -v apt-get >/dev/null && ! python3 -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))'; then
    sudo apt-get update -qq
    sudo apt-get install -y -qq python3.11-venv || sudo apt-get install -y -qq python3-venv
fi 2>/dev/null
scripts/install

# Speak with the model that was trained, not with the one that it started from.
speak_args=()
skip=no
for arg in "$@"; do
    if [ $skip = yes ]; then skip=no; continue; fi
    case $arg in
        --with-model | --with-checkpoint) skip=yes ;;
        --with-model=* | --with-checkpoint=*) ;;
        *) speak_args+=("$arg") ;;
    esac
done

python=${TOKTTS_VENV:-.venv}/bin/python
"$python" trainer.py "$@"
"$python" generate_samples.py "${speak_args[@]}"
