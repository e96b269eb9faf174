"""A Python to install into: what the steps ask of it, whichever kind it is."""

import os
import subprocess
from abc import ABC, abstractmethod
from pathlib import Path

from .commands import CommandError, execute
from .stacks import Stack


class Target(ABC):
    """A Python to install into.

    Args:
        python: its executable.
        folder: where its packages go.
        build_env: environment variables for what compiles or builds.

    Attributes:
        stack: which packages provide mmengine, mmcv and mmdet.
    """

    stack: Stack

    def __init__(
        self, python: Path, folder: Path, build_env: dict[str, str] | None = None
    ) -> None:
        self.python, self.folder = str(python), folder
        self.build_env = build_env or {}
        path = [str(python.parent), os.environ.get('PATH', os.defpath)]  # ninja is here
        self.env = {**os.environ, 'PATH': os.pathsep.join(path)}

    def run(self, what: str, *command: str, **variables: str) -> None:
        """Run a command quietly; raises CommandError naming `what` if it fails."""
        status, output = execute(list(command), {**self.env, **variables})
        if status:
            raise CommandError(what, output)

    def pip(self, what: str, *arguments: str, **variables: str) -> None:
        """The same for pip."""
        self.run(what, self.python, '-m', 'pip', *arguments, **variables)

    def capture(self, *arguments: str) -> subprocess.CompletedProcess:
        """Run the target's Python and keep what it prints."""
        command = [self.python, *arguments]
        return subprocess.run(command, env=self.env, capture_output=True, text=True)

    @abstractmethod
    def versions(self) -> dict[str, str]:
        """What is installed, as in {'torch': '2.13.0+cpu'}."""

    @abstractmethod
    def is_current(self, dev: bool, ops: str | None) -> bool:
        """Whether there is nothing to do."""

    @abstractmethod
    def require_usable(self) -> None:
        """Raises InstallError where installing cannot work."""

    @abstractmethod
    def add_build(self) -> None:
        """Install torch and the tools to compile with."""

    @abstractmethod
    def add_pinned(self, dev: bool) -> None:
        """Install everything else that the registry has ready."""

    @abstractmethod
    def has_operators(self) -> bool:
        """Whether the mmcv that is there is to be left alone."""

    @abstractmethod
    def prepare(self) -> None:
        """Make the environment if it has to be made."""

    @abstractmethod
    def read_stamp(self) -> dict:
        """What the last run noted down, {} if nothing."""

    @abstractmethod
    def finish(self, **content) -> None:
        """Note down that all is done."""
