"""Hostile files by every road on which mmengine loads weights, and bombs."""

import hashlib
import json
import re
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType, SimpleNamespace
from zipfile import ZIP_DEFLATED, ZipFile

import mmengine
import pytest
import torch
from attacks import attacks
from mmengine.fileio.backends.registry_utils import backends
from mmengine.model import BaseModule
from mmengine.runner import CheckpointLoader, load_checkpoint

from eca_mm.checkpoints import safe
from eca_mm.checkpoints.content import read
from eca_mm.checkpoints.safe import CheckpointError, load_file

sys.path.insert(0, str(Path(__file__).parents[1] / 'engine'))
from small_run import small_runner  # noqa: E402


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args) -> None:
        """Nothing on stderr."""


class Short(Quiet):
    """A connection that breaks in the middle of the file."""

    def copyfile(self, source, outputfile) -> None:
        outputfile.write(source.read()[:-100])


@pytest.fixture
def served(tmp_path) -> Iterator[Callable[..., str]]:
    """Serve a folder; gives the address."""
    servers = []

    def serve(folder: Path, handler=Quiet) -> str:
        server = ThreadingHTTPServer(
            ('127.0.0.1', 0), partial(handler, directory=str(folder))
        )
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f'http://127.0.0.1:{server.server_port}'

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def caches(monkeypatch, tmp_path) -> None:
    monkeypatch.delenv('ECA_MM_OFFLINE')
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'torch'))
    monkeypatch.setenv('MMENGINE_HOME', str(tmp_path / 'mmengine'))


def in_cache(write, tmp_path: Path, address: str) -> None:
    """A file where torch keeps what it has downloaded."""
    name = address.rpartition('/')[2]
    folder = tmp_path / 'torch/hub/checkpoints'
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / name)


def known_address(table: str, name: str) -> str:
    """What mmengine takes a name for."""
    path = Path(mmengine.__file__).parent / 'hub' / table
    return json.loads(path.read_text())[name]


def by_path(write, tmp_path, served, monkeypatch) -> str:
    write(tmp_path / 'a.pth')
    return str(tmp_path / 'a.pth')


def by_http(write, tmp_path, served, monkeypatch) -> str:
    (tmp_path / 'www').mkdir()
    write(tmp_path / 'www/a.pth')
    return f'{served(tmp_path / "www")}/a.pth'


def by_cached_https(write, tmp_path, served, monkeypatch) -> str:
    in_cache(write, tmp_path, 'a.pth')
    return 'https://weights.invalid/a.pth'


def by_torchvision(write, tmp_path, served, monkeypatch) -> str:
    package = ModuleType('torchvision')
    package.__version__ = '0.13.0'
    package.models = SimpleNamespace()
    monkeypatch.setitem(sys.modules, 'torchvision', package)
    in_cache(write, tmp_path, known_address('torchvision_0.12.json', 'resnet50'))
    return 'torchvision://resnet50'


def by_modelzoo(write, tmp_path, served, monkeypatch) -> str:
    name = by_torchvision(write, tmp_path, served, monkeypatch)
    return name.replace('torchvision', 'modelzoo')


def by_openmmlab_file(write, tmp_path, served, monkeypatch, scheme='openmmlab') -> str:
    (tmp_path / 'mmengine').mkdir()
    names = json.dumps(dict(mine='a.pth'))
    (tmp_path / 'mmengine/open_mmlab.json').write_text(names)
    write(tmp_path / 'mmengine/a.pth')
    return f'{scheme}://mine'


def by_openmmlab_address(write, tmp_path, served, monkeypatch) -> str:
    name = 'detectron2/resnet50_caffe'
    in_cache(write, tmp_path, known_address('openmmlab.json', name))
    return f'open-mmlab://{name}'


def by_mmcls(write, tmp_path, served, monkeypatch) -> str:
    in_cache(write, tmp_path, known_address('mmcls.json', 'vgg11'))
    return 'mmcls://vgg11'


def by_s3(write, tmp_path, served, monkeypatch) -> str:
    class Store:
        def __init__(self, **kwargs) -> None:
            """As mmengine's PetrelBackend, which needs a package that is not public."""

        def get(self, name: str) -> bytes:
            return (tmp_path / 'a.pth').read_bytes()

    monkeypatch.setitem(backends, 'petrel', Store)
    write(tmp_path / 'a.pth')
    return 's3://bucket/a.pth'


def by_pavi(write, tmp_path, served, monkeypatch) -> str:
    package = ModuleType('pavi')
    model = SimpleNamespace(name='a.pth', download=lambda path: write(Path(path)))
    package.modelcloud = SimpleNamespace(get=lambda name: model)
    monkeypatch.setitem(sys.modules, 'pavi', package)
    return 'pavi://a'


ROADS = (
    by_path, by_http, by_cached_https, by_torchvision, by_modelzoo, by_openmmlab_file,
    by_openmmlab_address, by_mmcls, by_s3, by_pavi,
)  # fmt: skip


def of_weights(path: Path) -> None:
    torch.save({'state_dict': {'backbone.weight': torch.tensor([[2.5]])}}, path)


@pytest.mark.parametrize('road', ROADS)
def test_a_file_of_weights_arrives(road, tmp_path, served, monkeypatch):
    name = road(of_weights, tmp_path, served, monkeypatch)
    state = CheckpointLoader.load_checkpoint(name, 'cpu')['state_dict']
    (weight,) = state.values()
    assert weight.item() == 2.5


@pytest.mark.parametrize('road', ROADS)
def test_hostile_files_run_nothing(road, tmp_path, served, monkeypatch):
    proof = tmp_path / 'executed'
    for number, (kind, write) in enumerate(attacks(proof).items()):
        place = tmp_path / str(number)
        place.mkdir()
        monkeypatch.setenv('TORCH_HOME', str(place / 'torch'))
        monkeypatch.setenv('MMENGINE_HOME', str(place / 'mmengine'))
        name = road(write, place, served, monkeypatch)
        with pytest.raises(CheckpointError) as error:
            CheckpointLoader.load_checkpoint(name, 'cpu')
        assert '\n' not in str(error.value), kind
        assert 'out of reach' not in str(error.value), kind  # it was read
        assert not proof.exists(), kind


def test_every_scheme_of_mmengine_has_its_road():
    """A scheme that a later mmengine adds has to be looked at."""
    known = {
        '', 'http://', 'https://', 'pavi://', r'(\S+\:)?s3://', r'(\S+\:)?petrel://',
        'modelzoo://', 'torchvision://', 'open-mmlab://', 'openmmlab://', 'mmcls://',
        'ecanet://', 'ecanet-coco://',
    }  # fmt: skip
    assert set(CheckpointLoader._schemes) == known
    for prefix, loader in CheckpointLoader._schemes.items():
        read = [name for name in ('torch', 'load_url') if name in loader.__globals__]
        if 'ecanet' not in prefix and loader.__name__ != 'load_from_local':
            used = set(read) & set(loader.__code__.co_names) | {'load_from_http'}
            owners = [loader.__globals__.get(name) for name in used]
            assert any('eca_mm' in owner_of(owner) for owner in owners), prefix


def owner_of(thing) -> str:
    inner = getattr(thing, '__globals__', {}).get('load_url', thing)
    return f'{getattr(inner, "__module__", "")} {type(inner).__module__}'


def to_init(name: str, tmp_path: Path) -> None:
    init = dict(type='Pretrained', checkpoint=name)
    module = BaseModule(init_cfg=init)
    module.init_weights()


def to_load(name: str, tmp_path: Path) -> None:
    """What load_from of a run does, tools/test.py and EMA."""
    load_checkpoint(torch.nn.Linear(1, 1), name)


def to_train(name: str, tmp_path: Path) -> None:
    small_runner(tmp_path / 'work', load_from=name).train()


def to_resume(name: str, tmp_path: Path) -> None:
    small_runner(tmp_path / 'work', load_from=name, resume=True).train()


@pytest.mark.parametrize('use', [to_init, to_load, to_train, to_resume])
@pytest.mark.parametrize('road', [by_path, by_http])
def test_hostile_files_in_the_hosts_hands(use, road, tmp_path, served, monkeypatch):
    proof = tmp_path / 'executed'
    write = attacks(proof)["torch's old format"]
    with pytest.raises(CheckpointError):
        use(road(write, tmp_path, served, monkeypatch), tmp_path)
    assert not proof.exists()


def test_what_does_not_arrive_is_not_kept(tmp_path, served, monkeypatch):
    of_weights(tmp_path / 'whole.pth')
    (tmp_path / 'page.pth').write_text('<!DOCTYPE html><title>Sign in</title>')
    of_weights(tmp_path / 'name-00000000.pth')
    whole = served(tmp_path)
    for address, said in {
        f'{served(tmp_path, Short)}/whole.pth': 'damaged',
        f'{whole}/page.pth': 'is a web page',
        f'{whole}/none.pth': 'the server says 404',
        f'{whole}/name-00000000.pth': 'hash',
        'http://127.0.0.1:1/a.pth': '127.0.0.1:1 is out of reach',
    }.items():
        with pytest.raises(CheckpointError) as error:
            CheckpointLoader.load_checkpoint(address)
        assert said in str(error.value) and address in str(error.value)
        assert '\n' not in str(error.value)
    assert [p for p in (tmp_path / 'torch').rglob('*') if p.is_file()] == []
    monkeypatch.setenv('ECA_MM_OFFLINE', '1')
    with pytest.raises(CheckpointError, match='ECA_MM_OFFLINE is set'):
        CheckpointLoader.load_checkpoint(f'{whole}/whole.pth')


def test_a_digest_in_the_name_is_compared(tmp_path, served):
    of_weights(tmp_path / 'a.pth')
    digest = hashlib.sha256((tmp_path / 'a.pth').read_bytes()).hexdigest()[:8]
    (tmp_path / 'a.pth').rename(tmp_path / f'a-{digest}.pth')
    of_weights(tmp_path / 'a-20220314.pth')
    for name in (f'a-{digest}.pth', 'a-20220314.pth'):  # a date is no digest
        CheckpointLoader.load_checkpoint(f'{served(tmp_path)}/{name}')
        assert (tmp_path / f'torch/hub/checkpoints/{name}').is_file()


@pytest.mark.parametrize(
    'name',
    ['file:///nowhere/a.pth', 's3://bucket/a.pth', 'pavi://a', 'openmmlab://nothing',
     'mmcls://nothing', 'http://127.0.0.1:1/a.pth', 'nowhere/a.pth', 'b2://bucket/a.pth'],
)  # fmt: skip
def test_a_name_that_leads_nowhere_is_told_in_one_line(name):
    with pytest.raises(CheckpointError) as error:
        read(name)
    assert '\n' not in str(error.value) and str(error.value).count(name.split('/')[-1])


def packed(path: Path) -> None:
    """A zip bomb: megabytes of zeros in some kilobytes."""
    torch.save({'a': torch.zeros(10**7)}, path)
    with ZipFile(path) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    with ZipFile(path, 'w', ZIP_DEFLATED) as file:
        for name, content in parts.items():
            file.writestr(name, content)


def spread(path: Path) -> None:
    """One number that stands for a million million."""
    torch.save({'a': torch.zeros(1).expand(10**6, 10**6)}, path)


def deep(path: Path) -> None:
    content = []
    for _ in range(400):
        content = [content]
    torch.save({'meta': content}, path)


def shared(path: Path) -> None:
    """Lists that name one list twice, again and again: 2^60 ways through them."""
    content = []
    for _ in range(60):
        content = [content, content]
    torch.save({'meta': content}, path)


@pytest.mark.parametrize(
    ('write', 'said'),
    [
        (packed, 'unpack to'),
        (spread, '1,000,000,000,000 numbers'),
        (deep, 'lie 64 deep'),
    ],
)
def test_bombs_are_refused(tmp_path, write, said):
    write(tmp_path / 'bomb.pth')
    with pytest.raises(CheckpointError, match=re.escape(said)):
        load_file(tmp_path / 'bomb.pth')


def test_what_is_named_twice_is_looked_at_once(tmp_path):
    shared(tmp_path / 'a.pth')
    assert len(load_file(tmp_path / 'a.pth')['meta']) == 2


def test_a_file_is_read_once(tmp_path, monkeypatch):
    path, reads = tmp_path / 'a.pth', []
    of_weights(path)
    real = safe.read_torch
    monkeypatch.setattr(safe, 'read_torch', lambda p: reads.append(p) or real(p))
    first = load_file(path, keep=True)
    assert load_file(path, keep=True) is first
    assert CheckpointLoader.load_checkpoint(str(path)) is first  # the run's own
    assert len(reads) == 1 and safe.kept == {}
    load_file(path, keep=True)
    torch.save({'state_dict': {'other': torch.ones(3)}}, path)  # another file now
    assert 'other' in load_file(path)['state_dict'] and len(reads) == 3
