from .distributed import prepare_ranks
from .preflight import refuse_problems
from .request import (
    RequestError,
    add_config_arguments,
    exit_status,
    load_config,
    read_config,
)

__all__ = [
    'RequestError',
    'add_config_arguments',
    'exit_status',
    'load_config',
    'prepare_ranks',
    'read_config',
    'refuse_problems',
]
