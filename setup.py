"""What pyproject.toml cannot say: a file that Python reads when it starts."""

import setuptools  # before distutils, which it brings along  # isort: skip
from distutils.command.install_data import install_data


class BesideThePackages(install_data):
    """Python looks for .pth files there, and nowhere else."""

    def finalize_options(self) -> None:
        super().finalize_options()
        self.install_dir = self.get_finalized_command('install').install_lib


class Distribution(setuptools.Distribution):
    """Editable installations ask it by this name whether there are data files."""

    has_data = setuptools.Distribution.has_data_files


# See eca_mm_start.py.
setuptools.setup(
    data_files=[('', ['eca_mm.pth'])],
    cmdclass=dict(install_data=BesideThePackages),
    distclass=Distribution,
)
