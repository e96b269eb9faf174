"""tools/infer.py: equal to tools/test.py, videos, and what is skipped or refused."""

import csv
import json
import sys
from pathlib import Path

import cv2
import infer
import numpy as np
import pytest
import test as test_tool
import torch
from mmengine.config import Config

from eca_mm.engine import build_model, exit_status

CONFIG = Path(__file__).parents[1] / 'projects/digits/configs/eca_mask_rcnn_r18.py'


@pytest.fixture(scope='module')
def root(tmp_path_factory) -> Path:
    """Images with a COCO file, a video, a text; a checkpoint with its config."""
    root = tmp_path_factory.mktemp('infer')
    (root / 'val').mkdir()
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 255, (4, 8, 8, 3), dtype=np.uint8)
    frames = [cv2.resize(f, (128, 128), interpolation=cv2.INTER_CUBIC) for f in frames]
    for i, frame in enumerate(frames):
        cv2.imwrite(str(root / 'val' / f'{i}.png'), frame)
    cfg = Config.fromfile(CONFIG)
    classes = cfg.metainfo.classes
    box = dict(bbox=[9, 9, 40, 40], area=1600, iscrowd=0, category_id=12)
    polygon = [[9, 9, 49, 9, 49, 49, 9, 49]]
    coco = dict(
        images=[
            dict(id=70 + i, file_name=f'{i}.png', width=128, height=128)
            for i in range(4)
        ],
        annotations=[dict(box, id=1, image_id=70, segmentation=polygon)],
        categories=[dict(id=10 + i, name=name) for i, name in enumerate(classes)],
    )
    (root / 'val.json').write_text(json.dumps(coco))
    video = cv2.VideoWriter(
        str(root / 'clip.mp4'), cv2.VideoWriter_fourcc(*'mp4v'), 5, (128, 128)
    )
    for frame in frames[:3]:
        video.write(frame)
    video.release()
    torch.manual_seed(0)
    state = build_model(cfg).state_dict()
    # Sure enough of all that it finds to be drawn
    state['roi_head.bbox_head.fc_cls.weight'] *= 40
    meta = dict(cfg=cfg.pretty_text, dataset_meta=dict(classes=classes))
    torch.save(dict(state_dict=state, meta=meta), root / 'model.pth')
    torch.save(dict(state_dict=state), root / 'bare.pth')
    (root / 'notes.txt').write_text('nothing to see')
    (root / 'broken.jpg').write_bytes(b'no image')
    (root / 'broken.mp4').write_bytes(b'no video')
    return root


@pytest.fixture
def run(monkeypatch, capsys):
    """A tool as from the command line: exit status, and both streams."""

    def run(tool, *args) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, 'argv', [f'{tool.__name__}.py', *map(str, args)])
        return exit_status(tool.main), *capsys.readouterr()

    return run


def test_equal_to_the_test_tool(run, root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = [
        'test_dataloader.num_workers=0',
        'test_dataloader.persistent_workers=False',
        f'test_dataloader.dataset.data_root={root}/',
        'test_dataloader.dataset.ann_file=val.json',
        f'test_evaluator.ann_file={root}/val.json',
    ]
    arguments = [CONFIG, root / 'model.pth', '--out', 'wanted.json', '--cfg-options']
    status, _, error = run(test_tool, *arguments, *options)
    assert status == 0, error
    wanted = json.loads(Path('wanted.json').read_text())
    ann = ['--ann', root / 'val.json', '--out', tmp_path / 'out', '--batch', 16]
    status, said, error = run(infer, root / 'model.pth', root / 'val', *ann)
    assert status == 0, error
    found = json.loads((tmp_path / 'out/results.json').read_text())
    assert len(found) > 20 and 'segmentation' in found[0]
    assert found == wanted
    pictures = {path.name for path in (tmp_path / 'out/pictures').iterdir()}
    assert pictures == {f'{i}.png' for i in range(4)}
    assert '4 images, ' in said and 'images/s' in said


def test_a_video_and_images_of_one_name(run, root, tmp_path):
    (tmp_path / 'more').mkdir()
    (tmp_path / 'more' / '0.png').write_bytes((root / 'val/0.png').read_bytes())
    out = tmp_path / 'out'
    inputs = [root / 'clip.mp4', root / 'val' / '[01].png', tmp_path / 'more/0.png']
    arguments = [root / 'bare.pth', *inputs, '--config', CONFIG, '--out', out]
    status, said, error = run(infer, *arguments, '--score-thr', 0.4, '--batch', 2)
    assert status == 0, error
    names = {path.name for path in (out / 'pictures').iterdir()}
    assert names == {'clip.mp4', '0.png', '1.png', '0_2.png'}
    video = cv2.VideoCapture(str(out / 'pictures/clip.mp4'))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 3 and video.get(cv2.CAP_PROP_FPS) == 5
    picture = cv2.imread(str(out / 'pictures/0.png'))
    assert (picture != cv2.imread(str(root / 'val/0.png'))).any()  # something is drawn
    images = json.loads((out / 'images.json').read_text())
    assert [image['file_name'] for image in images['images']] == [
        *(f'clip.mp4#{i}' for i in range(3)), '0.png', '1.png', '0.png'
    ]  # fmt: skip
    rows = list(csv.DictReader((out / 'detections.csv').open()))
    results = json.loads((out / 'results.json').read_text())
    sure = [row for row in results if row['score'] >= 0.4]
    assert 0 < len(rows) == len(sure) < len(results)
    kinds = {c['id']: c['name'] for c in images['categories']}
    for row, result in zip(rows, sure, strict=True):
        assert row['class'] == kinds[result['category_id']]
        assert float(row['score']) == pytest.approx(result['score'], abs=1e-4)
        assert float(row['width']) == pytest.approx(result['bbox'][2], abs=0.06)
        assert (row['frame'] != '') == (result['image_id'] <= 3)


def test_what_cannot_be_read_is_named_and_skipped(run, root, tmp_path):
    bad = [
        root / name for name in ('broken.jpg', 'broken.mp4', 'notes.txt', 'none.png')
    ]
    good = root / 'val/3.png'
    out = tmp_path / 'out'
    status, said, error = run(infer, root / 'model.pth', *bad, good, '--out', out)
    assert status == 0 and said.startswith('1 images')
    for path in bad:
        assert f'skipped: {path}: ' in error
    status, _, error = run(infer, root / 'model.pth', *bad, '--out', tmp_path / 'none')
    assert status == 2
    assert error.splitlines()[-1] == 'error: no input could be read'
    assert not list((tmp_path / 'none').glob('*.*'))


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        (['ROOT/absent.pth', 'ROOT/val'], 'absent.pth not found'),
        (['ROOT/model.pth', 'ROOT/*.png'], 'no input is left'),
        (['ROOT/bare.pth', 'ROOT/val'], 'holds no config: give it with --config'),
        (['ROOT/evil.pth', 'ROOT/val'], 'line 1 does more than set a value'),
        (['ROOT/model.pth', 'ROOT/val', '--config', 'none.py'], 'none.py not found'),
        (['ROOT/model.onnx', 'ROOT/val'], 'ONNX files end before the heads'),
        (['ROOT/model.pth', 'ROOT/val', '--batch', '0'], 'give at least 1'),
        (['ROOT/model.pth', 'ROOT/val', '--score-thr', '2'], 'from 0 to 1'),
        (['ROOT/model.pth', 'ROOT/val', '--device', 'abacus'], '--device abacus'),
        (['ROOT/model.pth', 'ROOT/val', '--out', 'ROOT/val.json'], 'name a folder'),
        (['ROOT/model.pth', 'ROOT/val', '--ann', 'ROOT/notes.txt'], 'notes.txt'),
        (['ROOT/other.pth', 'ROOT/val'], 'checkpoint: nothing of'),
    ],
)
def test_wrong_requests(run, root, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    content = torch.load(root / 'model.pth', weights_only=True)
    meta = dict(content['meta'], cfg='__import__("os").system("touch ran")')
    torch.save(dict(content, meta=meta), root / 'evil.pth')
    torch.save(dict(content, state_dict=dict(a=torch.ones(1))), root / 'other.pth')
    status, _, error = run(infer, *(a.replace('ROOT', str(root)) for a in arguments))
    last = error.splitlines()[-1]
    assert status == 2 and last.startswith('error: ') and said in last, error
    assert not (tmp_path / 'ran').exists()
