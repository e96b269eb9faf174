# Start a tool in several processes. Sourced by the dist_ and slurm_ scripts.
tools=$(dirname "${BASH_SOURCE[0]}")

launch_dist() { # GPUS TOOL [arguments of the tool]
  local gpus=$1 tool=$tools/$2
  shift 2
  local word
  for word in "$@"; do
    case $word in
      --check | --check=*) WORLD_SIZE=$((gpus * ${NNODES:-1})) exec python "$tool" "$@" ;;
    esac
  done
  # A wrong request ends here with one line and status 2, not in every rank.
  # The check counts the processes to come.
  WORLD_SIZE=$((gpus * ${NNODES:-1})) python "$tool" "$@" --check
  exec python "$tools/launch.py" \
    --nnodes="${NNODES:-1}" \
    --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" \
    --master_port="${PORT:-29500}" \
    --nproc_per_node="$gpus" \
    "$tool" "$@" --launcher pytorch
}

launch_slurm() { # PARTITION JOB_NAME TOOL [arguments of the tool]
  local partition=$1 job_name=$2 tool=$tools/$3
  shift 3
  # SRUN_ARGS is a list of arguments: it is split on purpose.
  # shellcheck disable=SC2086
  exec srun -p "$partition" \
    --job-name="$job_name" \
    --gres=gpu:"${GPUS_PER_NODE:-8}" \
    --ntasks="${GPUS:-8}" \
    --ntasks-per-node="${GPUS_PER_NODE:-8}" \
    --cpus-per-task="${CPUS_PER_TASK:-5}" \
    --kill-on-bad-exit=1 \
    ${SRUN_ARGS:-} \
    python -u "$tool" "$@" --launcher=slurm
}
