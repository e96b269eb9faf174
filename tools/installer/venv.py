"""The virtual environment that the installer makes and brings to the exact pins."""

import importlib.util
import json
import os
import platform
import shutil
import sys
import sysconfig
from pathlib import Path

from . import checkout
from .output import InstallError, note
from .stacks import DEFAULT, STACKS
from .target import Target
from .versions import NEWEST_PYTHON, OLDEST_PYTHON, dotted, normal, require_torch

STAMP = 'eca_mm-install.json'
# Files of requirements/ whose packages go into folders of their own, with --no-deps, so
# that only who looks there finds them; each file says why. And what they bring.
ASIDE = {'pretrain': 'mmpretrain and timm', 'docs': 'mkdocs for the documentation'}
PINNED_FOR = (3, 11)  # docs/matrix.md says what was tried with the others


def whole(site: Path) -> dict[str, str]:
    """What is installed whole in a folder of packages: pip writes RECORD last."""
    found = {}
    for record in site.glob('*.dist-info/RECORD'):
        name, _, version = record.parent.stem.rpartition('-')
        found[normal(name)] = version
    return found


def has_pins(versions: dict[str, str], *files: str, torch: str | None = None) -> bool:
    """Whether all that requirements/FILE.txt pins is there: '2.13.0+cpu' is 2.13.0."""
    return all(
        versions.get(name, '').split('+')[0] == version
        for name, version in checkout.read_pins(*files, torch=torch).items()
    )


class Venv(Target):
    """A virtual environment. A stamp file in it says how far the last run came.

    Args:
        folder: where it is, or is to be made.
        torch: the release of torch for it. By default the one that it was made with,
            and the pinned one at first.
        stack: a name of STACKS, by default as with torch.
    """

    def __init__(
        self, folder: Path, torch: str | None = None, stack: str | None = None
    ) -> None:
        folder = folder.absolute()
        super().__init__(folder / 'bin' / 'python', folder)
        self.env.pop('PYTHONPATH', None)  # its packages would look installed to pip
        where = {'base': str(folder), 'platbase': str(folder)}
        self.site = Path(sysconfig.get_path('purelib', 'posix_prefix', where))
        stamp = self.read_stamp()
        stack = stack or stamp.get('stack') or DEFAULT
        self.stack = STACKS[stack]
        # What an environment cannot change: its files hold absolute paths, and those of
        # the other stack would be written over each other.
        self.identity = {
            'python': dotted(sys.version_info[:2]),
            'venv': str(folder),
            'stack': None if stack == DEFAULT else stack,
        }
        torch = torch or stamp.get('torch')
        pinned = checkout.read_pins('build')['torch']
        self.torch = None if torch == pinned else torch

    def __str__(self) -> str:
        return f'virtual environment {self.folder}'

    def versions(self) -> dict[str, str]:
        """What is installed whole."""
        return whole(self.site)

    def read_stamp(self) -> dict:
        """What the last run noted down, {} without one."""
        try:
            return json.loads((self.folder / STAMP).read_text())
        except (OSError, ValueError):
            return {}

    def write_stamp(self, **content) -> None:
        """Replace the stamp in one go, so that no reader meets half of one."""
        temporary = self.folder / f'{STAMP}.tmp'
        temporary.write_text(json.dumps(content, indent=1))
        os.replace(temporary, self.folder / STAMP)

    def is_stamped(self, content: dict[str, str]) -> bool:
        """Whether the stamp says all of this."""
        stamp = self.read_stamp()
        return all(stamp.get(key) == value for key, value in content.items())

    def wanted(self) -> dict[str, str]:
        """What the stamp of a finished environment says."""
        repo, fingerprint = str(checkout.REPO), checkout.fingerprint()
        return {
            **self.identity,
            'torch': self.torch,
            'repo': repo,
            'requirements': fingerprint,
        }

    def finish(self, **content) -> None:
        """Note down that all is done."""
        self.write_stamp(complete=True, **self.wanted(), **content)

    def is_current(self, dev: bool, ops: str | None) -> bool:
        """Whether there is nothing to do, judged without importing anything."""
        stamp, versions = self.read_stamp(), self.versions()
        files = ['build', 'runtime', self.stack.packages, self.stack.mmcv]
        files += ['dev'] if dev else []
        return (
            stamp.get('complete') is True
            and self.is_stamped(self.wanted())
            and stamp.get('dev') in (True, dev)  # having more than is asked for is fine
            and ops in (None, stamp.get('ops'))
            and Path(self.python).exists()
            and 'eca-mm' in versions
            and has_pins(versions, *files, torch=self.torch)
            and (all(map(self.has_aside, ASIDE)) or not dev)
        )

    def aside(self, name: str) -> Path:
        """The folder for the packages of requirements/NAME.txt, a name of ASIDE."""
        return self.folder / name

    def has_aside(self, name: str) -> bool:
        """Whether all of requirements/NAME.txt is there."""
        return has_pins(whole(self.aside(name)), name, torch=self.torch)

    def require_usable(self) -> None:
        """Raises InstallError for a wrong Python, or a folder that is not ours."""
        python = sys.version_info[:2]
        if not OLDEST_PYTHON <= python <= NEWEST_PYTHON:
            raise InstallError(
                f'Python {platform.python_version()} cannot be used: the pinned '
                f'packages need one from {dotted(OLDEST_PYTHON)} to '
                f'{dotted(NEWEST_PYTHON)}, best 3.11. Run this script with one of '
                'those, or with --here in an environment of your own'
            )
        require_torch(self.torch or checkout.read_pins('build')['torch'])
        if python != PINNED_FOR:
            note(
                'the packages are pinned for Python 3.11; docs/matrix.md tells whether'
            )
            note('this one was tried, and with which torch')
        if importlib.util.find_spec('ensurepip') is None:
            raise InstallError(
                'this Python cannot make virtual environments (no ensurepip): install '
                'its venv package (Debian, Ubuntu: apt-get install python3-venv)'
            )
        ours = (self.folder / STAMP).exists()
        if not ours and self.folder.exists() and any(self.folder.iterdir()):
            raise InstallError(
                f'{self.folder} was not made by this script: remove it, name another '
                'with --venv, or run this script with its Python and --here'
            )

    def prepare(self) -> None:
        """Make the environment, or keep one that an earlier run left usable."""
        if not (self.is_stamped(self.identity) and self.has_pip()):
            self.make()
            return
        stamp = self.read_stamp()
        if stamp.get('torch') != self.torch:  # the torchvision in it is for another one
            shutil.rmtree(self.aside('pretrain'), ignore_errors=True)
        self.write_stamp(**{**stamp, 'complete': False, 'torch': self.torch})
        for folder in self.site.glob('*.dist-info'):
            if not (folder / 'RECORD').exists():  # pip would take it for installed
                shutil.rmtree(folder)

    def make(self) -> None:
        """Make the environment anew, in place of what is there."""
        if self.folder.exists():
            note('what is there is unfinished, moved, of another Python or stack: made')
            note('anew')
        self.folder.mkdir(parents=True, exist_ok=True)
        first = {'complete': False, 'torch': self.torch}
        self.write_stamp(**first)  # it says that the rest is ours
        for path in self.folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name != STAMP:
                path.unlink()
        command = [sys.executable, '-m', 'venv', str(self.folder)]
        self.run('making the virtual environment', *command)
        self.write_stamp(**first, **self.identity)

    def has_pip(self) -> bool:
        """Whether the environment's Python runs, and knows pip."""
        try:
            return not self.capture('-m', 'pip', '-V').returncode
        except OSError:  # not there, or its base is gone
            return False

    def add_files(self, what: str, *files: str, options: tuple[str, ...] = ()) -> None:
        """Install requirements/FILE.txt, whose dependencies constraints.txt pins."""
        arguments = ['-c', self.requirement('constraints')]
        for file in files:
            arguments += ['-r', self.requirement(file)]
        self.pip(f'installing {what}', 'install', *options, *arguments)

    def requirement(self, file: str) -> str:
        """The path of requirements/FILE.txt, of a copy if another torch moves it."""
        if self.torch is None:
            return str(checkout.requirement(file))
        path = self.folder / 'requirements' / f'{file}.txt'
        path.parent.mkdir(exist_ok=True)
        path.write_text(checkout.read(file, self.torch))
        return str(path)

    def add_build(self) -> None:
        """Install torch and the tools to compile with."""
        self.add_files('torch', 'build')

    def add_pinned(self, dev: bool) -> None:
        """Install everything else from the registry."""
        files = ['runtime', 'dev'] if dev else ['runtime']
        self.add_files('the pinned packages', *files)
        options = self.stack.options
        self.add_files('mmengine and mmdet', self.stack.packages, options=options)
        for name in ASIDE:
            if dev and not self.has_aside(name):
                self.add_aside(name)

    def add_aside(self, name: str) -> None:
        """Install requirements/NAME.txt where only who looks there finds it."""
        unfinished = self.aside(name).with_suffix('.new')
        for folder in (unfinished, self.aside(name)):
            shutil.rmtree(folder, ignore_errors=True)
        options = ('--no-deps', '--target', str(unfinished))
        self.add_files(ASIDE[name], name, options=options)
        unfinished.rename(self.aside(name))

    def has_operators(self) -> bool:
        """No: putting the cached wheel in again is quick, and always right."""
        return False
