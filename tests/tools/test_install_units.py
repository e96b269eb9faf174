"""tools/install.py: how mmcv's sources are put into units."""

import re

import pytest

from installer.units import LAST, RIVALS, SOURCES, arrange, plan

RIVALS_CPP, RIVALS_CU = (
    [rivals for rivals in RIVALS if all(file.endswith(end) for file in rivals)]
    for end in ('.cpp', '.cu')
)
CPP = {f'file_{n:02}.cpp': 1000 + 97 * n for n in range(72)} | dict.fromkeys(
    [*LAST, *set.union(*RIVALS_CPP)], 9000
)
CU = {f'cuda/file_{n:02}.cu': 1000 + 97 * n for n in range(31)} | dict.fromkeys(
    set.union(*RIVALS_CU), 9000
)


@pytest.mark.parametrize(
    'sizes, jobs, number',
    # Four files of mmcv's must be apart on the CPU, nine of those for CUDA.
    [(CPP, 1, 4), (CU, 1, 9), (CU, 2, 9), (CU, 8, 9), (CU, 16, 16), (CU, 64, 54)],
)
def test_units_hold_every_file_once_rivals_apart_and_alike(sizes, jobs, number):
    units = plan(sizes, jobs)
    assert len(units) == number
    assert sorted(file for unit in units for file in unit) == sorted(sizes)
    for unit in units:
        assert all(len(rivals.intersection(unit)) <= 1 for rivals in RIVALS)
    loads = [sum(sizes[file] for file in unit) for unit in units]
    assert max(loads) - min(loads) <= max(sizes.values())


def test_the_large_are_placed_before_the_small():
    units = plan({'a.cpp': 1, 'b.cpp': 2, 'c.cpp': 3, 'd.cpp': 4}, 2)
    assert sorted(units) == [['a.cpp', 'd.cpp'], ['b.cpp', 'c.cpp']]


def test_macros_come_after_all_that_they_would_break():
    (unit,) = (unit for unit in plan(CPP, 1) if 'cpu/psamask.cpp' in unit)
    assert unit[-1] == 'cpu/psamask.cpp' and len(unit) > 10


@pytest.mark.parametrize('jobs', [1, 2, 8, 64])
@pytest.mark.parametrize('ops', ['cpu', 'cuda'])
def test_arranged_tree_compiles_the_same_text(tmp_path, ops, jobs):
    """What setup.py's patterns find now includes every file, from where it lies."""
    root = tmp_path / SOURCES
    files = [*CPP, *CU, 'pybind.cpp', 'cuda/cudabind.cpp', 'npu/file_00.cpp']
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(f'text of {file}\n')
    arrange(tmp_path, ops, jobs)
    patterns = ['*.cpp', 'cpu/*.cpp', 'cuda/*.cpp', 'cuda/*.cu']
    compiled = [path for pattern in patterns for path in root.glob(pattern)]
    texts = []
    for path in compiled:
        names = re.findall('#include "(.*)"', path.read_text())
        texts += [(path.parent / name).read_text() for name in names]
        texts += [] if names else [path.read_text()]
    assert sorted(texts) == sorted(f'text of {file}\n' for file in files[:-1])
    kinds = [path.suffix for path in compiled if path.name.startswith('unit_')]
    number = {1: 9, 2: 9, 8: 9, 64: 54}[jobs] if ops == 'cuda' else 0
    assert (kinds.count('.cpp'), kinds.count('.cu')) == (4, number)
    assert (root / 'pybind.cpp').exists() and (root / 'npu/file_00.cpp').exists()
