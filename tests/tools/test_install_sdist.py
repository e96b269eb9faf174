"""tools/install.py: a source archive is fetched, compiled and falls back.

The archive is a small one under mmcv's name, whose setup.py finds its sources as
mmcv's does, and has ninja compile them as torch does.
"""

import importlib.util
import os
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from installer.commands import CommandError
from installer.output import InstallError
from installer.sdist import Build, is_unit_at_fault, unpack
from installer.venv import Venv

SETUP = """
import glob, os, subprocess
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from sysconfig import get_path

class Ninja(build_ext):
    def build_extension(self, extension):
        module = os.path.abspath(self.get_ext_fullpath(extension.name))
        os.makedirs(os.path.dirname(module), exist_ok=True)
        flags = self.compiler.compiler[1:] + ['-fPIC', '-I' + get_path('include')]
        objects = [f'{source}.o' for source in extension.sources]
        lines = ['rule compile', ' command = %s %s -c $in -o $out -std=c++17' % (
            os.environ.get('CXX', 'c++'), ' '.join(flags))]
        lines += ['rule link', ' command = c++ -shared $in -o $out']
        lines += [f'build {s}.o: compile {s}' for s in extension.sources]
        lines += [f'build {module}: link ' + ' '.join(objects), '']
        with open('build.ninja', 'w') as file:
            file.write('\\n'.join(lines))
        subprocess.run(['ninja', '-j', os.environ['MAX_JOBS']], check=True)

folder = 'mmcv/ops/csrc/pytorch/'
sources = sorted(glob.glob(folder + '*.cpp') + glob.glob(folder + 'cpu/*.cpp'))
setup(name='mmcv', version='2.1.0', packages=['mmcv'], cmdclass={'build_ext': Ninja},
      ext_modules=[Extension('mmcv._ext', sources)])
"""
PYBIND = """
#include <Python.h>
int nms(); int nms_cpu();
PyMODINIT_FUNC PyInit__ext() {
    static PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_ext", nullptr, -1};
    PyObject *module = PyModule_Create(&definition);
    PyModule_AddIntConstant(module, "nms", nms());
    PyModule_AddIntConstant(module, "nms_cpu", nms_cpu());
    PyModule_AddIntConstant(module, "standard", __cplusplus);
#if defined(__OPTIMIZE__) && defined(NDEBUG)
    PyModule_AddIntConstant(module, "optimised", 1);
#endif
    return module;
}
"""
NMS = 'static int three() { return 3; }\nint nms() { return three(); }\n'
NMS_CPU = 'static int four() { return 4; }\nint nms_cpu() { return four(); }\n'
PLAIN = {'pybind.cpp': PYBIND, 'nms.cpp': NMS, 'cpu/nms.cpp': NMS_CPU}
CLASHING = PLAIN | {'cpu/nms.cpp': NMS_CPU.replace('four', 'three')}  # twice in a unit


@pytest.fixture
def archive(tmp_path, monkeypatch) -> Path:
    """Where pip looks for mmcv's archive, and nowhere else."""
    folder = tmp_path / 'registry'
    folder.mkdir()
    monkeypatch.setenv('PIP_CONFIG_FILE', os.devnull)
    monkeypatch.setenv('PIP_NO_INDEX', '1')
    monkeypatch.setenv('PIP_FIND_LINKS', str(folder))
    monkeypatch.delenv('CXX', raising=False)
    return folder / 'mmcv-2.1.0.tar.gz'


def pack(archive: Path, sources: dict[str, str]) -> None:
    """Write the archive with these sources."""
    tree = archive.parent.parent / 'tree'
    files = {'setup.py': SETUP, 'mmcv/__init__.py': '', 'PKG-INFO': 'Name: mmcv\n'}
    for name, text in sources.items():
        files[f'mmcv/ops/csrc/pytorch/{name}'] = text
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    with tarfile.open(archive, 'w:gz') as tar:
        tar.add(tree, 'mmcv-2.1.0')


@pytest.fixture
def build(tmp_path):
    """Makes the wheel for a torch; returns the compiled module."""

    def made(torch: str):
        target = Venv(tmp_path / 'venv')
        target.python = sys.executable
        folder = tmp_path / 'build'
        folder.mkdir()
        facts = {'version': torch, 'cuda': None, 'gpus': [], 'headers': []}
        wheel = Build(target, facts, 'cpu', 1, folder).wheel('2.1.0')
        with zipfile.ZipFile(wheel) as archive:
            (name,) = (name for name in archive.namelist() if '_ext' in name)
            module = archive.extract(name, tmp_path / 'installed')
        assert b'.debug_info' not in Path(module).read_bytes(), "Python's own flags"
        spec = importlib.util.spec_from_file_location('_ext', module)
        return importlib.util.module_from_spec(spec)

    return made


@pytest.mark.parametrize(
    'torch, standard', [('2.13.0+cpu', 201703), ('2.14.1', 202002)]
)
def test_units_are_compiled_as_torch_wants_it(
    archive, build, capsys, tmp_path, torch, standard
):
    pack(archive, PLAIN)
    module = build(torch)
    assert (module.nms, module.nms_cpu, module.optimised) == (3, 4, 1)
    assert module.standard == standard
    tree = tmp_path / 'build' / 'units' / 'mmcv-2.1.0' / 'mmcv/ops/csrc/pytorch'
    assert {path.name for path in tree.rglob('*.o')} == {'pybind.cpp.o', 'unit_0.cpp.o'}
    assert 'file by file' not in capsys.readouterr().out


def test_for_cuda_headers_and_the_toolkit_are_found(tmp_path, monkeypatch):
    """Behind what the user names, and not for the CPU; the nvcc is another's script."""
    for name in ('CUDA_HOME', 'CUDA_PATH'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv('CPLUS_INCLUDE_PATH', '/mine')
    nvcc = tmp_path / 'nvcc'
    nvcc.write_text("#!/bin/sh\necho '#$ TOP=/opt/cuda/bin/..' >&2\n")
    nvcc.chmod(0o755)
    monkeypatch.setenv('PATH', f'{tmp_path}:{os.environ["PATH"]}')
    facts = {'version': '2.11.0', 'cuda': '13.0', 'gpus': [], 'headers': ['/a', '/b']}
    target = Venv(tmp_path / 'venv')
    found = {
        ops: Build(target, facts, ops, 1, tmp_path).variables for ops in ('cuda', 'cpu')
    }
    assert found['cuda']['CPLUS_INCLUDE_PATH'] == '/mine:/a:/b'
    assert found['cuda']['CUDA_HOME'] == '/opt/cuda'
    assert not {'CUDA_HOME', 'CPLUS_INCLUDE_PATH'} & found['cpu'].keys()


def test_a_unit_that_fails_is_told_in_a_line_and_made_up_for(archive, build, capsys):
    pack(archive, CLASHING)
    module = build('2.13.0+cpu')
    assert (module.nms, module.nms_cpu) == (3, 4)
    (line,) = [
        line for line in capsys.readouterr().out.splitlines() if 'file by file' in line
    ]
    assert 'three()' in line


def test_a_file_that_fails_by_itself_is_not_compiled_again(archive, build, tmp_path):
    pack(archive, PLAIN | {'pybind.cpp': '#error "no such luck"\n'})
    with pytest.raises(CommandError, match='no such luck') as caught:
        build('2.13.0+cpu')
    assert len(str(caught.value).splitlines()) == 1
    assert not (tmp_path / 'build' / 'files').exists()


@pytest.mark.parametrize(
    'end, is_fault',
    [
        ("u.cpp:1:5: error: redefinition of 'int three()'", True),
        ('c++: fatal error: Killed signal terminated program cc1plus', False),
        ('fatal error: error writing to /tmp/cc.s: No space left on device', False),
        ('fatal error: cuda_runtime_api.h: No such file or directory', False),
    ],
)
def test_what_would_fail_again_is_not_tried_again(end, is_fault):
    output = f'FAILED: [code=1] /tmp/x/build/unit_2.o\nc++ -c unit_2.cpp\n{end}\n'
    assert is_unit_at_fault(output) == is_fault
    assert not is_unit_at_fault(output.replace('unit_2.o', 'pybind.o'))


@pytest.mark.parametrize('kept', [0, 0.5, 0.9])
def test_a_damaged_archive_ends_in_one_line(archive, build, tmp_path, kept):
    pack(archive, PLAIN)
    content = archive.read_bytes()
    archive.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(InstallError) as caught:
        build('2.13.0+cpu')
    line = str(caught.value)
    assert len(line.splitlines()) == 1 and 'fetching the source of mmcv failed' in line
    assert not list((tmp_path / 'build').glob('*.whl'))
    with pytest.raises(InstallError, match=r'mmcv-2\.1\.0\.tar\.gz is damaged'):
        unpack(archive, tmp_path / 'unpacked')
