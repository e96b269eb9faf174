from .arguments import (
    add_check_arguments,
    add_config_arguments,
    load_config,
    parse_arguments,
    read_config,
)
from .broken_images import BrokenImageHook
from .checkpoint import SafeCheckpointHook
from .errors import RequestError, RunStopped
from .exact_resume import ExactResumeHook
from .exit_status import exit_status
from .fold_norms import FoldNormsHook
from .load_report import LoadReportHook
from .loss_guard import LossGuardHook
from .preflight import refuse_problems, show_problems
from .resume import ask_to_resume, resume_from_newest
from .runner import build_detector, build_model, build_runner, train
from .saving import SaveError
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
    'ask_to_resume',
    'build_detector',
    'build_model',
    'build_runner',
    'exit_status',
    'load_config',
    'parse_arguments',
    'read_config',
    'refuse_problems',
    'resume_from_newest',
    'show_problems',
    'train',
]
