#!/usr/bin/env bash
# Train on several GPUs, or with several CPU processes where there is no GPU.
#   bash tools/dist_train.sh CONFIG GPUS [arguments of tools/train.py]
# Several machines: the same line on each, with NNODES, NODE_RANK, MASTER_ADDR and PORT.
set -euo pipefail

if [ $# -lt 2 ]; then
  echo 'usage: bash tools/dist_train.sh CONFIG GPUS [arguments of tools/train.py]' >&2
  exit 2
fi
config=$1 gpus=$2
shift 2
tools=$(dirname "${BASH_SOURCE[0]}")

# A wrong request ends here with one line and status 2, not in every rank.
python "$tools/train.py" "$config" "$@" --check

exec python -m torch.distributed.run \
  --nnodes="${NNODES:-1}" \
  --node_rank="${NODE_RANK:-0}" \
  --master_addr="${MASTER_ADDR:-127.0.0.1}" \
  --master_port="${PORT:-29500}" \
  --nproc_per_node="$gpus" \
  "$tools/train.py" "$config" --launcher pytorch "$@"
