#!/usr/bin/env bash
# Train on several GPUs, or with several CPU processes where there is no GPU.
# Several machines: the same line on each, with NNODES, NODE_RANK, MASTER_ADDR and PORT.
set -euo pipefail

if [[ $# -lt 2 || ! $2 =~ ^[1-9][0-9]*$ ]]; then
  echo "usage: bash $0 CONFIG GPUS [arguments of tools/train.py]" >&2
  exit 2
fi
source "$(dirname "$0")/launch.sh"
launch_dist "$2" train.py "$1" "${@:3}"
