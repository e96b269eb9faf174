"""A pytest plugin: our classes in place of the hosts' while the hosts' tests run.

The tests' modules get our class under the host's name after they are imported, and
mmengine's registry gives it out under that name; no file of a host is changed. Only
``__main__.py`` loads this plugin, one arm a process: in the arm 'hosts' nothing is
replaced and eca_mm is never imported, so what fails there fails by itself.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from pkgutil import resolve_name

import pytest

OURS = {
    'CheckpointHook': 'eca_mm.engine:SafeCheckpointHook',
    'BasicBlock': 'eca_mm.backbones.blocks:PluginBasicBlock',
    'Bottleneck': 'eca_mm.backbones.blocks:PluginBottleneck',
    'ResNet': 'eca_mm.backbones:PluginResNet',
    'MobileNetV2': 'eca_mm.backbones:ECAMobileNetV2',
    'CocoMetric': 'eca_mm.evaluation:FastCocoMetric',
}
ARMS = {
    'hosts': {},
    'ours': OURS,
    'ECAResNet': dict(OURS, ResNet='eca_mm.backbones:ECAResNet'),
}

# Of a file that tests more than what is replaced: words in the names of those to run.
WANTED = {'test_runner.py': ('checkpoint', 'val')}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption('--arm', choices=ARMS)
    parser.addoption('--outcomes', type=Path, help='JSON file for what each test did')


def pytest_configure(config: pytest.Config) -> None:
    outcomes = Outcomes(config.getoption('outcomes'))
    config.pluginmanager.register(outcomes, 'outcomes')


def pytest_collection_modifyitems(config: pytest.Config, items: list) -> None:
    items[:] = [
        item
        for item in items
        if any(word in item.name for word in WANTED.get(item.path.name, ['']))
    ]
    ours = ARMS[config.getoption('arm')]
    ours = {name: resolve_name(path) for name, path in ours.items()}
    for module in {item.module for item in items}:
        names = vars(module)
        names.update({name: kind for name, kind in ours.items() if name in names})
    if ours:
        from mmengine.registry import HOOKS

        hook = ours['CheckpointHook']
        HOOKS.register_module(name='CheckpointHook', module=hook, force=True)


@pytest.fixture(scope='module', autouse=True)
def no_runs_of_other_files():
    """Each file finds mmengine as a new process has it.

    Tests of hooks leave a logger with a closed file, into which a backbone would write.
    """
    from mmengine.logging import MessageHub, MMLogger
    from mmengine.registry import DefaultScope

    for kind in (DefaultScope, MessageHub, MMLogger):
        kind._instance_dict.clear()


class Outcomes:
    """Writes for each test ``[outcome, error]``: how it ended, and by what line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.found: dict[str, Sequence[str]] = {}

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.note(report)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        # A test that was skipped, or failed before or after its call, has no "passed".
        if report.when == 'call' or not report.passed:
            self.note(report)

    def note(self, report: pytest.CollectReport | pytest.TestReport) -> None:
        lines = [
            line[1:].strip()
            for line in report.longreprtext.splitlines()
            if line.startswith('E ')
        ]
        self.found[report.nodeid] = report.outcome, lines[0] if lines else ''

    def pytest_sessionfinish(self) -> None:
        self.path.write_text(json.dumps(self.found))
