"""The wheel, built from the files of this clone and used from an empty folder."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

SOURCES = (
    'configs', 'eca_mm', 'projects', 'tools', 'eca_mm.pth', 'eca_mm_start.py',
    'model-index.yml', 'pyproject.toml', 'setup.py', 'LICENSE', 'README.md',
)  # fmt: skip
# They install, or write into the clone.
OF_A_CLONE = {
    'tools/install.py',
    'tools/matrix.py',
    *(f'projects/digits/{name}.py' for name in ('demo', 'fusion', 'study')),
}


@pytest.fixture(scope='module')
def copy(tmp_path_factory):
    """What is built from: a build leaves files beside its sources."""
    repo, copy = Path(__file__).parents[2], tmp_path_factory.mktemp('copy')
    for name in SOURCES:
        if (repo / name).is_dir():
            ignored = shutil.ignore_patterns('__pycache__', 'data', 'work_dirs')
            shutil.copytree(repo / name, copy / name, symlinks=True, ignore=ignored)
        else:
            shutil.copy(repo / name, copy)
    return copy


@pytest.fixture(scope='module')
def wheel(copy, tmp_path_factory):
    out = tmp_path_factory.mktemp('wheel')
    pip('wheel', '--no-build-isolation', '--no-deps', '--no-index', '-w', out, copy)
    (path,) = out.glob('*.whl')
    return path


def pip(*words) -> None:
    command = [sys.executable, '-m', 'pip', '--disable-pip-version-check']
    done = subprocess.run([*command, *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope='module')
def site(wheel, tmp_path_factory):
    """A folder as site-packages is one, with the wheel alone in it."""
    folder = tmp_path_factory.mktemp('site')
    pip('install', '--no-deps', '--no-index', '--target', folder, wheel)
    return folder


@pytest.fixture
def run(site, tmp_path):
    """Run a program in an empty folder, with the wheel's package before all others.

    site.addsitedir does what Python does with site-packages: it reads .pth files.
    """

    def run(program: str, *words) -> subprocess.CompletedProcess:
        begin = f'import site, sys\nsite.addsitedir({str(site)!r})\n'
        return subprocess.run(
            [sys.executable, '-c', begin + program, *words],
            cwd=tmp_path,
            env=os.environ | dict(PYTHONPATH=str(site)),
            capture_output=True,
            text=True,
        )

    return run


def test_all_that_a_clone_offers_is_inside(wheel, repo):
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder, pattern in [
        ('configs', '**/*.py'), ('projects', '**/*.py'), ('tools', '*.sh'),
        ('configs', '*.yml'),
    ]:  # fmt: skip
        found = [path.relative_to(repo) for path in (repo / folder).glob(pattern)]
        wanted = [path for path in found if str(path) not in OF_A_CLONE]
        assert wanted
        missing = [p for p in wanted if f'eca_mm/.mim/{p}' not in names]
        assert not missing
    commands = {f'eca_mm/.mim/tools/{name}.py' for name in ('train', 'test', 'launch')}
    others = {'eca_mm/.mim/model-index.yml', 'eca_mm/paper/tables.yaml', 'eca_mm.pth'}
    assert commands | others <= names
    assert not [name for name in names if name.endswith(('.png', '.csv', '.pyc'))]
    assert not names & {f'eca_mm/.mim/{path}' for path in OF_A_CLONE}
    assert not [n for n in names if {'tests', 'docs', 'docs_site'} & {*n.split('/')}]


def test_the_index_names_configs_that_are_there(site):
    """mim and mmengine read it."""
    import yaml

    mim = site / 'eca_mm/.mim'
    index = yaml.safe_load((mim / 'model-index.yml').read_text())
    models = [
        model
        for file in index['Import']
        for model in yaml.safe_load((mim / file).read_text())['Models']
    ]
    assert len(models) >= 20
    assert all((mim / model['Config']).is_file() for model in models)


def test_console_command(site, run):
    assert (site / 'bin/eca-mm').is_file()
    start = "import eca_mm_start\nsys.argv[0] = 'eca-mm'\nsys.exit(eca_mm_start.main())"
    done = run(start, '--where')
    assert done.stdout.strip() == str(site / 'eca_mm/.mim'), done.stderr
    words = ['complexity', 'eca_mm::eca_faster_rcnn_r50.py', '--shape', '64', '64']
    done = run(start, *words, '--format', 'csv')
    assert done.returncode == 0, done.stderr
    # 41.753 10^6 and 86 - 6 taps, of which 5 in the frozen first stage's three blocks.
    assert ',41.7' in done.stdout and 'eca_mm::eca_faster_rcnn_r50.py' in done.stdout


def test_an_editable_installation_has_the_start_up_file(copy, tmp_path):
    build = 'import setuptools.build_meta as b, sys; b.build_editable(sys.argv[1])'
    done = subprocess.run(
        [sys.executable, '-c', build, tmp_path],
        cwd=copy,
        capture_output=True,
        text=True,
    )
    (wheel,) = tmp_path.glob('*.whl')
    assert 'eca_mm.pth' in zipfile.ZipFile(wheel).namelist(), done.stderr


NAMES = """\
import sys
from pathlib import Path
folder = Path({configs!r})
names = sorted([*folder.glob('*.py'), *folder.glob('modern/*.py')])
Path('mine.py').write_text("_base_ = 'eca_mm::eca_faster_rcnn_r50.py'\\n"
                           "model = dict(roi_head=dict(bbox_head=dict(num_classes=3)))")
assert 'eca_mm' not in sys.modules
from mmengine.config import Config
mine = Config.fromfile('mine.py')
assert mine.model.backbone.kernel_sizes == (3, 5, 5, 7)
assert 'site' in sys.modules['eca_mm'].__file__
for name in names[::15]:
    name = name.relative_to(folder)
    Path('a.py').write_text(f"_base_ = 'eca_mm::{{name}}'")
    left, right = Config.fromfile('a.py'), Config.fromfile(folder / name)
    assert left.model == right.model and left.optim_wrapper.optimizer
from mmengine.hub import get_config
assert get_config('eca_mm::modern/retinanet_r50.py').model.type == 'RetinaNet'
from mmdet.registry import MODELS, METRICS
from mmengine.registry import HOOKS, init_default_scope
init_default_scope('mmdet')
cfg = mine.model
cfg.backbone.init_cfg = None
assert type(MODELS.build(cfg).backbone).__name__ == 'ECAResNet'
for hook in mine.custom_hooks + [mine.default_hooks.checkpoint]:
    assert HOOKS.build(hook)
print('right')
"""


def test_names_of_configs_in_any_config(site, run):
    done = run(NAMES.format(configs=str(site / 'eca_mm/.mim/configs')))
    assert done.stdout.endswith('right\n'), done.stderr
    assert 'Failed to' not in done.stderr + done.stdout  # to import or find a scope
