"""The Python that runs the script: it gets what it lacks, and keeps what it has."""

import importlib
import importlib.metadata
import json
import os
import sys
from pathlib import Path

from . import checkout
from .checkout import read_pins, unsupported
from .output import InstallError, note
from .stacks import Stack, stack_of
from .target import Target
from .versions import normal, numbers

OPENCV = 'opencv-python-headless'  # the others that provide the same module:
OPENCVS = 'opencv-python', 'opencv-contrib-python', 'opencv-contrib-python-headless'


def installed() -> dict[str, str]:
    """What this Python has; each of the four OpenCV distributions will do."""
    importlib.invalidate_caches()
    found = {}
    for dist in importlib.metadata.distributions():
        if dist.metadata['Name']:  # None where a removal left scraps
            found.setdefault(normal(dist.metadata['Name']), dist.version)
    for name in OPENCVS:
        if name in found:
            found.setdefault(OPENCV, found[name])
    return found


def is_editable() -> bool:
    """Whether the eca_mm that is installed is this checkout, with its commands."""
    try:
        eca_mm = importlib.metadata.distribution('eca_mm')
        origin = json.loads(eca_mm.read_text('direct_url.json'))
        known = origin['url'] == checkout.REPO.as_uri()
        return known and bool(eca_mm.entry_points.select(name='eca-mm'))
    except (importlib.metadata.PackageNotFoundError, TypeError):
        return False


class Here(Target):
    """The Python that runs this script.

    Args:
        tools: a temporary folder for the build tools, since the setuptools that is
            there may neither be replaced nor, from 81 on, used for mmcv.
    """

    def __init__(self, tools: Path) -> None:
        self.tools = tools
        path = str(tools)
        if os.environ.get('PYTHONPATH'):
            path += os.pathsep + os.environ['PYTHONPATH']
        python, folder = Path(sys.executable), Path(sys.prefix)
        super().__init__(python, folder, {'PYTHONPATH': path})
        self.env['PATH'] = f'{tools / "bin"}{os.pathsep}{self.env["PATH"]}'

    def __str__(self) -> str:
        return f'your own {self.python}'

    @property
    def stack(self) -> Stack:
        """That of which some is there."""
        return stack_of(self.versions())

    def versions(self) -> dict[str, str]:
        """What is installed."""
        return installed()

    def is_current(self, dev: bool, ops: str | None) -> bool:
        """Whether nothing is missing and mmcv's operators load."""
        versions = self.versions()
        files = ['runtime', self.stack.packages, self.stack.mmcv]
        files += ['dev'] if dev else []
        wanted = ['torch', 'eca-mm', *read_pins(*files)]
        return (
            all(name in versions for name in wanted)
            and not unsupported(versions)
            and is_editable()
            and self.has_operators()
        )

    def require_usable(self) -> None:
        """Raises InstallError where something would have to be replaced."""
        versions = self.versions()
        problems = unsupported(versions)
        problems += [name for name in ('mmcv-full', 'mmcv-lite') if name in versions]
        if problems:
            raise InstallError(
                f'this environment has {", ".join(problems)}: uninstall that and run '
                'again, or leave out --here for an environment beside it'
            )

    def prepare(self) -> None:
        """There is nothing to make."""

    def read_stamp(self) -> dict:
        """Nothing is noted down in an environment that is not ours."""
        return {}

    def finish(self, **content) -> None:
        """See read_stamp."""

    def missing(self, *files: str) -> dict[str, str]:
        """The pins in requirements/FILE.txt of what is not there in any version."""
        versions = self.versions()
        return {k: v for k, v in read_pins(*files).items() if k not in versions}

    def add(self, what: str, requirements: list[str]) -> None:
        """Install with everything that is there, torch above all, held in place."""
        if not requirements:
            return
        versions = self.versions()
        ours = read_pins('build')['setuptools']
        newest = max(ours, versions.pop('setuptools', ours), key=numbers)
        lines = [f'{name}=={version}' for name, version in versions.items()]
        lines.append(f'setuptools<={newest}')  # torch asks for one that is not too old
        constraints = self.tools / 'constraints.txt'
        constraints.write_text('\n'.join(lines))
        note(f'missing: {" ".join(requirements)}')
        arguments = ['-c', str(constraints), *requirements]
        self.pip(f'installing {what}', 'install', *arguments)

    def add_build(self) -> None:
        """Install torch where there is none; build tools go to a temporary folder."""
        pins = read_pins('build')
        torch = f'torch=={pins.pop("torch")}'
        if 'torch' not in self.versions():
            self.add('torch', [torch])
        tools = [f'{name}=={version}' for name, version in pins.items()]
        self.pip('fetching build tools', 'install', '--target', str(self.tools), *tools)

    def add_pinned(self, dev: bool) -> None:
        """Install what is missing, in versions that suit what is there."""
        files = ['runtime', 'dev'] if dev else ['runtime']
        self.add('missing packages', list(self.missing(*files)))
        for name, version in self.missing(self.stack.packages).items():
            note(f'missing: {name}')
            options = [*self.stack.options, f'{name}=={version}']
            self.pip(f'installing {name}', 'install', *options, **self.build_env)

    def has_operators(self) -> bool:
        """Whether an mmcv is there whose operators load: then it is left alone."""
        return not self.capture('-c', 'import torch, mmcv._ext').returncode
