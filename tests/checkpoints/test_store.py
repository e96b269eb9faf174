"""The store, with the download replaced; the one that gdown does is at the end."""

import io
import logging
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import MODELS
from mmengine.runner import CheckpointLoader
from torch.nn.functional import pad

from eca_mm.backbones import ECAResNet
from eca_mm.checkpoints import store
from eca_mm.checkpoints.safe import CheckpointError

EIGHTEEN = (3, 5, 7, 7)  # the kernel sizes of the released ResNet-18
LINK = 'https://drive.google.com/file/d/1LMRFRTyzVifGBi2MUpTuYEWW44S8mwyl/view'


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    """A store that is not there yet; what would be downloaded is a test's failure."""
    monkeypatch.delenv('ECA_MM_OFFLINE', raising=False)
    monkeypatch.setenv('ECA_MM_HOME', str(tmp_path / 'store'))
    monkeypatch.setattr(store, 'download', lambda drive_id, out: pytest.fail(drive_id))
    return tmp_path / 'store'


def as_authors_save(model: torch.nn.Module, path: Path) -> dict:
    """A file in their ImageNet layout: from DataParallel, with the classifier."""
    state = {f'module.{key}': value for key, value in model.state_dict().items()}
    state |= {'module.fc.weight': torch.zeros(1000, 8), 'module.fc.bias': torch.ones(1)}
    path.parent.mkdir(exist_ok=True)
    torch.save(dict(epoch=100, arch='eca_resnet', state_dict=state), path)
    return model.state_dict()


def served(monkeypatch, model) -> list[str]:
    """Let downloads give a file of this model; the list is of what was asked for."""
    asked = []

    def download(drive_id: str, out: Path) -> None:
        asked.append(drive_id)
        as_authors_save(model, out)

    monkeypatch.setattr(store, 'download', download)
    return asked


def refusal(url: str) -> str:
    with pytest.raises(CheckpointError) as error:
        store.load(url)
    (line,) = str(error.value).splitlines()
    return line


def test_default_folder(tmp_path, monkeypatch):
    monkeypatch.delenv('ECA_MM_HOME')
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'checkpoints').mkdir()
    (tmp_path / 'checkpoints/eca_resnet101.pth').touch()
    path = store.resolve('ecanet://resnet101')
    assert path.samefile(tmp_path / 'checkpoints/eca_resnet101.pth')


@pytest.mark.parametrize(
    ('url', 'known'),
    [('ecanet://resnet51', 'resnet50'), ('ecanet-coco://resnet50', 'retinanet_r101')],
)
def test_unknown_name_lists_the_known(url, known):
    line = refusal(url)
    assert line.startswith(url) and known in line and 'ssd' not in line


def test_what_is_missing_is_downloaded_once_and_kept_converted(home, monkeypatch):
    source = ECAResNet(18, EIGHTEEN)
    asked = served(monkeypatch, source)
    init_cfg = dict(type='Pretrained', checkpoint='ecanet://resnet18')
    for _ in range(2):
        model = ECAResNet(18, EIGHTEEN, init_cfg=init_cfg)
        model.init_weights()
        for key, value in source.state_dict().items():
            assert torch.equal(model.state_dict()[key], value), key
    assert asked == ['1LMRFRTyzVifGBi2MUpTuYEWW44S8mwyl']
    assert [path.name for path in home.iterdir()] == ['eca_resnet18.pth']
    kept = torch.load(home / 'eca_resnet18.pth', weights_only=True)
    assert kept['state_dict'].keys() == source.state_dict().keys()
    assert kept['meta']['kernel_sizes'] == [3, 5, 7, 7]
    assert kept['meta']['source'] == 'eca_resnet18.pth'


def test_authors_file_put_there_by_hand_stays_as_it_is(home):
    state = as_authors_save(ECAResNet(18, EIGHTEEN), home / 'eca_resnet18.pth')
    before = (home / 'eca_resnet18.pth').read_bytes()
    loaded = CheckpointLoader.load_checkpoint('ecanet://resnet18')['state_dict']
    assert loaded.keys() == state.keys()
    assert all(torch.equal(loaded[key], state[key]) for key in state)
    assert (home / 'eca_resnet18.pth').read_bytes() == before


def test_kernel_sizes_at_the_end_of_a_name(home):
    """Taps of zero at the ends, or cut, which is logged; the file stays."""
    state = as_authors_save(ECAResNet(18, EIGHTEEN), home / 'eca_resnet18.pth')
    before = (home / 'eca_resnet18.pth').read_bytes()
    init_cfg = dict(type='Pretrained', checkpoint='ecanet://resnet18-k5557')
    model = ECAResNet(18, (5, 5, 5, 7), init_cfg=init_cfg)
    lines = []
    logger = MMLogger.get_instance('resized')
    logger.handlers = [handler := logging.Handler()]
    handler.emit = lambda record: lines.append(record.getMessage())
    model.init_weights()
    for key, tensor in model.state_dict().items():
        ends = (tensor.shape[-1] - state[key].shape[-1]) // 2 if '.eca.' in key else 0
        assert torch.equal(
            tensor, pad(state[key], (ends, ends)) if ends else state[key]
        )
    assert (home / 'eca_resnet18.pth').read_bytes() == before
    found = [line for line in lines if 'taps' in line]
    assert len(found) == 1
    assert found[0].startswith('ecanet://resnet18-k5557: stage 3: 7 taps became 5; ')


@pytest.mark.parametrize(
    ('url', 'said'),
    [
        ('ecanet://resnet51-k5555', 'ecanet://resnet51: the names after'),
        ('ecanet://resnet18-k555', 'ecanet://resnet18-k555: 3 kernel sizes are asked'),
        ('ecanet://resnet18-k5456', 'must be odd and positive, got 4'),
    ],
)
def test_kernel_sizes_that_cannot_be(home, url, said):
    as_authors_save(ECAResNet(18, EIGHTEEN), home / 'eca_resnet18.pth')
    assert said in refusal(url)


def test_map_location(home):
    as_authors_save(ECAResNet(18, EIGHTEEN), home / 'eca_resnet18.pth')
    loaded = CheckpointLoader.load_checkpoint('ecanet://resnet18', map_location='meta')
    assert {v.device.type for v in loaded['state_dict'].values()} == {'meta'}


def test_file_of_another_model_is_refused(home, monkeypatch):
    served(monkeypatch, ECAResNet(18, kernel_sizes=3))
    line = refusal('ecanet://resnet18')
    assert 'its kernel_sizes is [3, 3, 3, 3] instead of [3, 5, 7, 7]' in line
    assert LINK in line and str(home / 'eca_resnet18.pth') in line
    assert not home.exists()
    as_authors_save(ECAResNet(18, kernel_sizes=3), home / 'eca_resnet18.pth')
    line = refusal('ecanet://resnet18')
    assert 'is not what ecanet://resnet18 stands for' in line and LINK in line


def test_depth_is_checked_where_the_kernel_sizes_agree(home):
    with torch.device('meta'):
        state = ECAResNet(152, (3, 3, 5, 7)).state_dict()
    home.mkdir()
    # One stored value stands for a whole tensor.
    state = {key: torch.zeros(()).expand(value.shape) for key, value in state.items()}
    torch.save(state, home / 'eca_resnet101.pth')
    assert 'its depth is 152 instead of 101' in refusal('ecanet://resnet101')


@pytest.mark.parametrize('content', [b'', b'<!DOCTYPE html><title>Quota exceeded'])
def test_what_is_no_checkpoint_is_not_kept(home, monkeypatch, content):
    monkeypatch.setattr(store, 'download', lambda _, out: out.write_bytes(content))
    line = refusal('ecanet://resnet18')
    assert LINK in line and ('web page' if content else 'empty') in line
    assert not home.exists()


def test_hostile_file_is_refused(home):
    home.mkdir()
    torch.save(dict(state_dict={}, code=store.resolve), home / 'eca_resnet50.pth')
    with pytest.raises(CheckpointError, match=r'asks for eca_mm\.checkpoints\.store'):
        CheckpointLoader.load_checkpoint('ecanet://resnet50')


def test_others_wait_for_the_one_that_downloads(home, monkeypatch):
    asked, meet = [], threading.Barrier(4)

    def download(drive_id: str, out: Path) -> None:
        asked.append(drive_id)
        time.sleep(0.3)
        as_authors_save(ECAResNet(18, EIGHTEEN), out)

    def load(_) -> Path:
        meet.wait()
        return store.resolve('ecanet://resnet18')

    monkeypatch.setattr(store, 'download', download)
    with ThreadPoolExecutor(4) as ranks:
        paths = set(ranks.map(load, range(4)))
    assert paths == {home / 'eca_resnet18.pth'} and len(asked) == 1
    assert [path.name for path in home.iterdir()] == ['eca_resnet18.pth']


@pytest.fixture(scope='module')
def faster_rcnn() -> dict:
    """The authors' Faster R-CNN R50 in MMDetection 1.x: the background is class 0."""
    repo = Path(__file__).parents[2]
    cfg = Config.fromfile(repo / 'configs/eca_faster_rcnn_r50.py').model
    cfg.backbone |= dict(kernel_sizes=(5, 5, 5, 5), init_cfg=None)
    with torch.device('meta'):
        model = MODELS.build(cfg | dict(_scope_='mmdet'))
    state = {
        key.removeprefix('roi_head.'): torch.zeros(()).expand(value.shape)
        for key, value in model.state_dict().items()
    }
    state['bbox_head.fc_cls.bias'] = torch.arange(81.0)
    for name, shape in (('weight', (324, 1024)), ('bias', (324,))):
        state[f'bbox_head.fc_reg.{name}'] = torch.zeros(()).expand(shape)
    return dict(meta=dict(mmdet_version='1.0.0'), state_dict=state)


def test_coco_detector(home, faster_rcnn):
    home.mkdir()
    torch.save(faster_rcnn, home / 'eca_coco_faster_rcnn_r50.pth')
    loaded = CheckpointLoader.load_checkpoint('ecanet-coco://faster_rcnn_r50')
    state = loaded['state_dict']
    assert state['roi_head.bbox_head.fc_cls.bias'].tolist() == [*range(1, 81), 0]
    assert state['roi_head.bbox_head.fc_reg.weight'].shape == (320, 1024)
    assert loaded['meta']['kernel_sizes'] == [5, 5, 5, 5]


def test_detector_under_another_name(home, faster_rcnn):
    home.mkdir()
    state = dict(faster_rcnn['state_dict'])
    for key in [key for key in state if key.endswith('eca.conv.weight')]:
        taps = 3 if key.startswith(('backbone.layer1', 'backbone.layer2')) else 7
        state[key] = torch.zeros(1, 1, taps)
    torch.save(state, home / 'eca_coco_mask_rcnn_r50.pth')
    line = refusal('ecanet-coco://mask_rcnn_r50')
    assert "instead of ['rpn_head', 'roi_head.bbox_head', 'roi_head.mask_head']" in line


def test_offline(home, monkeypatch):
    monkeypatch.setenv('ECA_MM_OFFLINE', '1')
    line = refusal('ecanet://resnet18')
    assert f'ecanet://resnet18 is not at {home}/eca_resnet18.pth' in line
    assert 'ECA_MM_OFFLINE is set' in line and LINK in line
    assert not home.exists()


class TestGdown:
    """gdown itself, and under it answers of our own in place of Google's."""

    @pytest.fixture(autouse=True)
    def real_download(self, monkeypatch, home):
        monkeypatch.undo()
        monkeypatch.setenv('ECA_MM_HOME', str(home))
        monkeypatch.setenv('HOME', str(home.parent))

    def answer(self, monkeypatch, content: bytes, **headers) -> list[str]:
        asked = []

        def get(session, url, **kwargs) -> requests.Response:
            asked.append(url)
            assert kwargs['timeout'] == store.TIMEOUT
            response = requests.Response()
            response.status_code, response.url = 200, url
            response.raw = io.BytesIO(content)
            response.headers.update(headers)
            return response

        monkeypatch.setattr(requests.Session, 'get', get)
        return asked

    def test_file(self, home, monkeypatch):
        home.parent.joinpath('served').mkdir()
        served = home.parent / 'served/file'
        state = as_authors_save(ECAResNet(18, EIGHTEEN), served)
        headers = {
            'Content-Type': 'application/octet-stream',
            'Content-Disposition': 'attachment; filename="eca_resnet18.pth.tar"',
        }
        asked = self.answer(monkeypatch, served.read_bytes(), **headers)
        assert store.load('ecanet://resnet18')['state_dict'].keys() == state.keys()
        (url,) = asked
        assert url.startswith('https://drive.google.com/')
        assert url.endswith('id=1LMRFRTyzVifGBi2MUpTuYEWW44S8mwyl')
        # Nothing in the home folder, as cookies would be.
        names = {path.name for path in home.parent.iterdir()}
        assert names == {'store', 'served'}

    def test_quota_page(self, home, monkeypatch):
        page = b'<p class="uc-error-subcaption">Too many users have viewed it</p>'
        self.answer(monkeypatch, page, **{'Content-Type': 'text/html; charset=utf-8'})
        line = refusal('ecanet://resnet18')
        assert 'Too many users have viewed it' in line and LINK in line
        assert not home.exists()

    def test_no_network(self, home, monkeypatch):
        monkeypatch.setenv('HTTPS_PROXY', 'http://127.0.0.1:9')
        line = refusal('ecanet://resnet18')
        assert 'out of reach' in line and LINK in line and not home.exists()

    def test_no_gdown(self, home, monkeypatch):
        monkeypatch.setitem(sys.modules, 'gdown', None)
        line = refusal('ecanet://resnet18')
        assert 'gdown is not installed: pip install' in line and LINK in line
