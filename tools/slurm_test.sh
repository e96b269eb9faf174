#!/usr/bin/env bash
# Evaluate on a Slurm cluster.
#   GPUS=8 bash tools/slurm_test.sh PARTITION JOB_NAME CONFIG CHECKPOINT [arguments of tools/test.py]
# Also read: GPUS_PER_NODE, CPUS_PER_TASK, SRUN_ARGS.
set -euo pipefail

if [ $# -lt 4 ]; then
  echo 'usage: bash tools/slurm_test.sh PARTITION JOB_NAME CONFIG CHECKPOINT [arguments of tools/test.py]' >&2
  exit 2
fi
partition=$1 job_name=$2 config=$3 checkpoint=$4
shift 4
gpus=${GPUS:-8}

# SRUN_ARGS is a list of arguments: it is split on purpose.
# shellcheck disable=SC2086
exec srun -p "$partition" \
  --job-name="$job_name" \
  --gres=gpu:"${GPUS_PER_NODE:-8}" \
  --ntasks="$gpus" \
  --ntasks-per-node="${GPUS_PER_NODE:-8}" \
  --cpus-per-task="${CPUS_PER_TASK:-5}" \
  --kill-on-bad-exit=1 \
  ${SRUN_ARGS:-} \
  python -u "$(dirname "${BASH_SOURCE[0]}")/test.py" \
  "$config" "$checkpoint" --launcher=slurm "$@"
