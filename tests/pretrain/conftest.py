"""Tests that need mmpretrain and timm, which are not where the other tests run.

requirements/pretrain.txt says why. ``make test`` runs them on their own, with both on
PYTHONPATH; without them there is nothing to collect here, and a line says so.
"""

import importlib.util

ABSENT = importlib.util.find_spec('mmpretrain') is None
collect_ignore_glob = ['*'] if ABSENT else []


def pytest_terminal_summary(terminalreporter):
    if ABSENT:
        terminalreporter.write_line(
            'tests/pretrain not run: mmpretrain is not on PYTHONPATH; make test runs it'
        )
