from .broken_images import BrokenImageHook
from .checkpoint import SafeCheckpointHook, SaveError
from .exact_resume import ExactResumeHook
from .fold_norms import FoldNormsHook
from .load_report import LoadReportHook
from .loss_guard import LossGuardHook
from .nan_retry import train
from .preflight import add_check_arguments, refuse_problems, show_problems
from .request import (
    RequestError,
    RunStopped,
    add_config_arguments,
    exit_status,
    load_config,
    read_config,
)
from .resume import resume_from_newest
from .runner import build_model, build_runner
from .stop import StopSignalHook

__all__ = [
    'BrokenImageHook',
    'ExactResumeHook',
    'FoldNormsHook',
    'LoadReportHook',
    'LossGuardHook',
    'RequestError',
    'RunStopped',
    'SafeCheckpointHook',
    'SaveError',
    'StopSignalHook',
    'add_check_arguments',
    'add_config_arguments',
    'build_model',
    'build_runner',
    'exit_status',
    'load_config',
    'read_config',
    'refuse_problems',
    'resume_from_newest',
    'show_problems',
    'train',
]
