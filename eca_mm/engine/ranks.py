"""The processes of a job, without importing torch where nobody else has."""

import gc
import logging
import os
import sys


def rank_count() -> int:
    """How many processes have met; 1 before they have."""
    distributed = sys.modules.get('torch.distributed')
    if not (distributed and distributed.is_available()):
        return 1
    return distributed.get_world_size() if distributed.is_initialized() else 1


def is_first_rank() -> bool:
    """True in the one process of a job that speaks; valid before ranks are set up."""
    return int(os.environ.get('RANK', os.environ.get('SLURM_PROCID', 0))) == 0


def leave_gloo() -> None:
    """End gloo's threads while Python still runs.

    One that lets go of a Python object while the interpreter is torn down aborts the
    process ("terminate called without an active exception"), and a whole run ends with
    134. NCCL's group is left alone: its end waits for rank 0, which may still report.
    """
    if rank_count() > 1:
        distributed = sys.modules['torch.distributed']
        if distributed.get_backend() == 'gloo':
            distributed.destroy_process_group()
            gc.collect()  # runner and model hold the group, and each other


def leave_other_ranks(status: int) -> None:
    """End a process that has others, at once, so that their launcher ends them.

    Its usual end waits for them, who wait for it: NCCL's for up to ten minutes.
    """
    if rank_count() > 1:
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
