#!/usr/bin/env bash
# Evaluate on a Slurm cluster. Reads GPUS, GPUS_PER_NODE, CPUS_PER_TASK and SRUN_ARGS.
set -euo pipefail

if [[ $# -lt 4 ]]; then
  echo "usage: bash $0 PARTITION JOB_NAME CONFIG CHECKPOINT [arguments of tools/test.py]" >&2
  exit 2
fi
source "$(dirname "$0")/launch.sh"
launch_slurm "$1" "$2" test.py "$3" "$4" "${@:5}"
