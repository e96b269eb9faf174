import importlib
import sys
from pathlib import Path

import pytest

from eca_mm.engine import exit_status

PROJECT = Path(__file__).parents[2] / 'projects/own_data'


@pytest.fixture(scope='session')
def converter():
    """projects/own_data/convert.py as a module."""
    pytest.importorskip('supervision')
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(PROJECT)  # as when the script is run
        yield importlib.import_module('convert')


@pytest.fixture
def convert(converter, monkeypatch, capsys):
    """The script with arguments in this process: exit status, and both streams."""

    def run(*arguments) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, 'argv', ['convert.py', *map(str, arguments)])
        return exit_status(converter.main), *capsys.readouterr()

    return run
