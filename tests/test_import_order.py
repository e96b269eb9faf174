"""Imports point one way, and what is public says so.

The order is in import_order.txt. What is public: the names in ``__all__`` of a package,
and of a module that stands beside the packages. Every package has one, be it empty;
a module without one is internal, as is whatever begins with an underscore.
"""

import ast
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / 'eca_mm'
# Within a package, what tells its public names apart where it has many.
ALSO = {'eca_mm.evaluation.bootstrap'}


def order() -> dict[str, int]:
    """The step of each module and package, the lowest first."""
    text = (Path(__file__).parent / 'import_order.txt').read_text()
    lines = [line for line in text.splitlines() if not line.startswith('#')]
    names = [line.partition(':')[0].split() for line in lines]
    assert len(set(sum(names, []))) == len(sum(names, [])), 'a name stands twice'
    return {name: step for step, found in enumerate(names) for name in found}


def modules() -> dict[str, Path]:
    """The path of every module of the package, by its whole name."""
    found = {}
    for path in PACKAGE.rglob('*.py'):
        parts = path.relative_to(PACKAGE.parent).with_suffix('').parts
        if '.mim' not in parts:
            found['.'.join(parts).removesuffix('.__init__')] = path
    return found


MODULES = modules()


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def imports(module: str) -> Iterator[tuple[str, str]]:
    """Module and name of what a module imports from the package, wherever it does."""
    path = MODULES[module]
    home = module if path.name == '__init__.py' else module.rpartition('.')[0]
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, '') for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = home.split('.')[: len(home.split('.')) - node.level + 1]
            origin = '.'.join(above if node.level else [])
            origin = '.'.join(filter(None, (origin, node.module)))
            yield from ((origin, alias.name) for alias in node.names)


def unit(module: str, name: str = '') -> str | None:
    """The module or package directly in eca_mm that an import leads to, if any."""
    parts = [*module.split('.'), name]
    if parts[0] != 'eca_mm' or len(parts) < 2:
        return None
    return parts[1] if f'eca_mm.{parts[1]}' in MODULES else None


def test_the_table_has_all_modules_and_no_others():
    assert set(order()) == {unit(module) for module in MODULES} - {None}


@pytest.mark.parametrize('name', order())
def test_imports_point_to_earlier_lines(name):
    steps = order()
    wrong = [
        f'{module} imports {target}'
        for module in MODULES
        if unit(module) == name
        for origin, imported in imports(module)
        if (target := unit(origin, imported)) not in (None, name)
        if steps[target] >= steps[name]
    ]
    assert not wrong


def test_nothing_in_the_package_imports_tools_projects_or_tests(repo):
    outside = {'tests', 'projects', 'benchmarks', 'combinations', 'installer'}
    outside |= {path.stem for path in (repo / 'tools').glob('*.py')}
    outside |= {path.stem for path in (repo / 'tests').rglob('*.py')}
    wrong = [
        (module, origin)
        for module in MODULES
        for origin, _ in imports(module)
        if origin.split('.')[0] in outside
    ]
    assert not wrong


def test_imports_by_name_stay_in_their_package():
    """``import_module`` with a relative name escapes the tests above: these may."""
    found = {
        module
        for module in MODULES
        for node in ast.walk(parsed(MODULES[module]))
        if isinstance(node, ast.Call)
        and getattr(node.func, 'id', '') == 'import_module'
        and len(node.args) == 2
    }
    # They register all, import names when asked for, and run a command: of their own
    # package each; the last looks for a module of the host.
    own = {'eca_mm', 'eca_mm.lazy', 'eca_mm.cli', 'eca_mm.layers.block'}
    assert found == own | {'eca_mm.inference.stranger'}


def public(module: str) -> list[str] | None:
    """``__all__`` of a module, None if its source has none."""
    names = {
        target.id
        for node in parsed(MODULES[module]).body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in getattr(node, 'targets', [getattr(node, 'target', None)])
        if isinstance(target, ast.Name)
    }
    return list(import_module(module).__all__) if '__all__' in names else None


@pytest.mark.parametrize(
    'package', sorted(m for m in MODULES if MODULES[m].name == '__init__.py')
)
def test_a_package_says_what_is_public(package):
    names = public(package)
    assert names is not None
    assert sorted(set(names)) == sorted(names)
    module = import_module(package)
    for name in names:  # those that are imported when they are asked for, too
        assert getattr(module, name) is not None


def test_modules_within_packages_leave_that_to_the_package():
    inside = {module for module in MODULES if module.count('.') > 1}
    inside -= {m for m in MODULES if MODULES[m].name == '__init__.py'}
    assert {module for module in inside if public(module) is not None} == ALSO


def test_no_module_imports_what_another_hides():
    hidden = [
        (module, origin, name)
        for module in MODULES
        for origin, name in imports(module)
        if origin.split('.')[0] == 'eca_mm'
        and any(
            p.startswith('_') and p != '__version__' for p in (*origin.split('.'), name)
        )
    ]
    assert not hidden
