from .load_report import LoadReportHook
from .preflight import refuse_problems
from .request import (
    RequestError,
    add_config_arguments,
    exit_status,
    load_config,
    read_config,
)
from .runner import build_runner

__all__ = [
    'LoadReportHook',
    'RequestError',
    'add_config_arguments',
    'build_runner',
    'exit_status',
    'load_config',
    'read_config',
    'refuse_problems',
]
