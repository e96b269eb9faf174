#!/usr/bin/env bash
# Evaluate on several GPUs, or with several CPU processes where there is no GPU.
#   bash tools/dist_test.sh CONFIG CHECKPOINT GPUS [arguments of tools/test.py]
# Several machines: the same line on each, with NNODES, NODE_RANK, MASTER_ADDR and PORT.
set -euo pipefail

if [ $# -lt 3 ]; then
  echo 'usage: bash tools/dist_test.sh CONFIG CHECKPOINT GPUS [arguments of tools/test.py]' >&2
  exit 2
fi
config=$1 checkpoint=$2 gpus=$3
shift 3
tools=$(dirname "${BASH_SOURCE[0]}")

# A wrong request ends here with one line and status 2, not in every rank.
python "$tools/test.py" "$config" "$checkpoint" "$@" --check

exec python -m torch.distributed.run \
  --nnodes="${NNODES:-1}" \
  --node_rank="${NODE_RANK:-0}" \
  --master_addr="${MASTER_ADDR:-127.0.0.1}" \
  --master_port="${PORT:-29500}" \
  --nproc_per_node="$gpus" \
  "$tools/test.py" "$config" "$checkpoint" --launcher pytorch "$@"
