"""Check the OpenMMLab packages before anything is used, and bend their functions."""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from types import FunctionType

from .place import folder

# package: (first version that works, first version that does not)
SUPPORTED = {
    'mmengine': ('0.10.3', '1.0.0'),
    'mmcv': ('2.0.0', '2.2.0'),
    'mmdet': ('3.3.0', '4.0.0'),
}
IN_CLONE = 'run "python tools/install.py" (--here for the environment in use)'
IN_WHEEL = (
    'pip install --no-build-isolation "eca_mm[openmmlab]" where torch is installed, '
    'which compiles the operators of mmcv'
)


class HostError(ImportError):
    """OpenMMLab's packages are missing or do not suit; says how to mend it."""


def remedy() -> str:
    """How to get the host's packages; a wheel comes without the installer."""
    return IN_CLONE if (folder() / 'tools/install.py').is_file() else IN_WHEEL


def check_host() -> None:
    """Raise one HostError that says what is missing or wrong, and the remedy.

    Import names are checked and not distributions: maintained forks of the OpenMMLab
    packages install under other names and import under the same ones.
    """
    from packaging.version import Version  # late: it need not be there without a host

    for name, (first, beyond) in SUPPORTED.items():
        version = import_host(name).__version__
        if not Version(first) <= Version(version) < Version(beyond):
            raise HostError(
                f'eca_mm needs {name} >= {first}, < {beyond}, found {version}: '
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
    missing = [name for name in SUPPORTED if not installed(name)]
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


def with_names(function: Callable, **names) -> Callable:
    """The same function, in which some global names mean something else.

    The host's module stays as it is, and its code is not copied.

    Raises:
        NameError: The function does not use one of the names.
    """
    unused = names.keys() - set(function.__code__.co_names)
    if unused:
        raise NameError(f'{function.__qualname__} does not use {", ".join(unused)}')
    same = FunctionType(
        function.__code__,
        {**function.__globals__, **names},
        argdefs=function.__defaults__,
        closure=function.__closure__,
    )
    same.__kwdefaults__ = function.__kwdefaults__
    return same
