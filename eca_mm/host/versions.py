"""Check the OpenMMLab packages before anything is used."""

from importlib import import_module, metadata
from importlib.util import find_spec

from eca_mm.place import folder

# stack: module: (its distribution, first version that works, first that does not).
# pyproject.toml says the same in its extras; a test compares them.
STACKS = {
    'openmmlab': {
        'mmengine': ('mmengine', '0.10.3', '1.0.0'),
        'mmcv': ('mmcv', '2.0.0', '2.2.0'),  # mmdet 3.3.0 rejects 2.2
        'mmdet': ('mmdet', '3.3.0', '4.0.0'),
    },
    # The maintained forks: other distributions, the same modules.
    'onedl': {
        'mmengine': ('onedl-mmengine', '0.10.10', '1.0.0'),
        'mmcv': ('onedl-mmcv', '2.3.0', '2.4.0'),
        'mmdet': ('onedl-mmdetection', '3.5.0', '4.0.0'),
    },
}
IN_CLONE = 'run "python tools/install.py" (--here for the environment in use)'
IN_WHEEL = (
    'pip install --no-build-isolation "eca_mm[openmmlab]" where torch is installed, '
    'which compiles the operators of mmcv'
)


class HostError(ImportError):
    """OpenMMLab's packages are missing or do not suit; says how to fix it."""

    __module__ = 'eca_mm.host'  # what a traceback shows is the name to catch


def remedy() -> str:
    """How to get the host's packages; a wheel comes without the installer."""
    return IN_CLONE if (folder() / 'tools/install.py').is_file() else IN_WHEEL


def installed_stack() -> str:
    """'onedl' where one of its distributions is installed, else 'openmmlab'."""
    for distribution, _, _ in STACKS['onedl'].values():
        try:
            metadata.version(distribution)
        except metadata.PackageNotFoundError:
            continue
        return 'onedl'
    return 'openmmlab'


def check_host() -> None:
    """Raise one HostError that says what is missing or wrong, and the remedy.

    The modules' own versions are checked: with both a fork and its origin installed,
    Python imports the one that was installed last.
    """
    from packaging.version import Version  # late: it need not be there without a host

    for name, (distribution, first, beyond) in STACKS[installed_stack()].items():
        version = import_host(name).__version__
        if not Version(first) <= Version(version) < Version(beyond):
            raise HostError(
                f'eca_mm needs {distribution} >= {first}, < {beyond}, found {version}: '
                f'{remedy()}'
            )
        if name == 'mmcv':
            import_host('mmcv._ext')
    import_host('mmdet.models')


def installed(package: str) -> bool:
    """Whether a package can be found; it is not imported."""
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):  # something forbids it, or stands in its place
        return False
    return spec is not None and spec.origin is not None  # a mere folder has none


def need_host(what: str) -> None:
    """Raise HostError unless the host's packages can be found; imports none."""
    missing = [name for name in STACKS['openmmlab'] if not installed(name)]
    if missing:
        raise HostError(f'{what} needs {", ".join(missing)}: {remedy()}')


def import_host(name: str):
    """Import a host package; whatever it raises becomes one line of ours.

    Not only ImportError: mmdet asserts mmcv's version, and an unusable torchvision
    ends in a RuntimeError.
    """
    try:
        return import_module(name)
    except Exception as error:
        what = 'mmcv with compiled operators' if name == 'mmcv._ext' else name
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise HostError(f'eca_mm needs {what} ({reason}): {remedy()}') from None
