#!/usr/bin/env bash
# Evaluate on several GPUs, or with several CPU processes where there is no GPU.
# Several machines: the same line on each, with NNODES, NODE_RANK, MASTER_ADDR and PORT.
set -euo pipefail

if [[ $# -lt 3 || ! $3 =~ ^[1-9][0-9]*$ ]]; then
  echo "usage: bash $0 CONFIG CHECKPOINT GPUS [arguments of tools/test.py]" >&2
  exit 2
fi
source "$(dirname "$0")/launch.sh"
launch_dist "$3" test.py "$1" "$2" "${@:4}"
