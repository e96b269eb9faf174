"""Run a command in several processes, with the script of the dist_ scripts."""

import os
import sys
from pathlib import Path

from eca_mm.place import folder

SCRIPT = 'set -euo pipefail; source "$0"; launch_dist "$@"'


def become_processes(command: str, count: int) -> None:
    """Replace this process by ``count`` processes that run the command together.

    Args:
        command: 'train' or 'test', with the arguments of this process.
    """
    tools = folder() / 'tools'
    words = without_processes(sys.argv[1:])
    here = str(Path(sys.executable).parent)  # where the script finds this Python
    os.environ['PATH'] = os.pathsep.join([here, os.environ.get('PATH', os.defpath)])
    launch = [str(tools / 'launch.sh'), str(count), f'{command}.py', *words]
    os.execvp('bash', ['bash', '-c', SCRIPT, *launch])


def without_processes(words: list[str]) -> list[str]:
    """The words of a command line without ``--processes N``, as argparse reads it."""
    kept, skip = [], False
    for word in words:
        name, equals, _ = word.partition('=')
        # An unambiguous beginning of an option is taken for it.
        is_it = len(name) > 2 and '--processes'.startswith(name)
        if not skip and not is_it:
            kept.append(word)
        skip = is_it and not equals
    return kept
