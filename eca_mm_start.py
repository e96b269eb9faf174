"""What begins before the package eca_mm does: its commands, and its configs' names.

``import eca_mm`` registers everything, and for that imports MMDetection, which takes
seconds. A command answers a wrong request at once: the package asks this module whether
a command is running, and leaves the registering to it.

``_base_ = 'eca_mm::eca_faster_rcnn_r50.py'`` is read before a config's
``custom_imports``. mmengine (up to 0.10.7) knows the packages of such names by a table
of its own, to which packages cannot add, and rejects names without a folder. So this
one comes with eca_mm.pth, which Python reads at its start, to call
:func:`wait_for_mmengine`: 0.1 ms and one more finder, and nothing before mmengine is.
"""

import sys

TABLE = 'mmengine.config.utils'
running = False


def run(command: str) -> int:
    """Run the command of a file in eca_mm/cli; returns its exit status."""
    global running
    running = True
    wait_for_mmengine()
    from eca_mm.cli import run_command

    return run_command(command)


def main() -> int:
    """The console command eca-mm."""
    global running
    running = True
    wait_for_mmengine()
    from eca_mm.cli import run_named

    return run_named()


def wait_for_mmengine() -> None:
    """Have mmengine know ``eca_mm::`` as soon as it is imported, and not import it."""
    if TABLE in sys.modules:
        add_names(sys.modules[TABLE])
    elif not any(isinstance(finder, Waiting) for finder in sys.meta_path):
        sys.meta_path.insert(0, Waiting())


class Waiting:
    """A finder that finds one module, once, as the finders after it do."""

    def find_spec(self, name: str, path=None, target=None):
        if name != TABLE:
            return None
        sys.meta_path.remove(self)
        from importlib.util import find_spec

        spec = find_spec(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module) -> None:
                execute(module)
                add_names(module)

            spec.loader.exec_module = exec_module
        return spec


def add_names(table) -> None:
    """Add ``eca_mm::`` to a module mmengine.config.utils of any version."""
    packages = getattr(table, 'MODULE2PACKAGE', None)
    read = getattr(table, '_get_package_and_cfg_path', None)
    if packages is None or read is None or 'eca_mm' in packages:
        return
    # No distribution has this name, so mmengine looks where the module is: right for
    # an editable installation and a clone on the path, too.
    packages['eca_mm'] = 'eca_mm.place'

    def names(config: str) -> tuple[str, str]:
        package, _, rest = config.partition('::')
        if package != 'eca_mm':
            return read(config)
        return packages[package], f'../{rest}' if rest.startswith('projects/') else rest

    table._get_package_and_cfg_path = names
