"""What tools/infer.py writes: no file of the user's is lost, nor what it found."""

import json
import shutil
import signal
from pathlib import Path

import cv2
import pytest
import torch
from mmengine.config import Config

from eca_mm.inference.outputs import Findings

CONFIG = Path(__file__).parents[2] / 'projects/digits/configs/eca_mask_rcnn_r18.py'


@pytest.mark.parametrize('out', ['.', 'linked'])
@pytest.mark.parametrize('name', ['0.png', 'clip.mp4'])
def test_originals_stay(run, root, tmp_path, monkeypatch, name, out):
    monkeypatch.chdir(tmp_path)
    source = root / name if name == 'clip.mp4' else root / 'val' / name
    (tmp_path / 'pictures').mkdir()
    (tmp_path / 'linked').mkdir()
    (tmp_path / 'linked/pictures').symlink_to('../pictures')
    shutil.copy(source, 'pictures')
    status, _, error = run('infer', root / 'model.pth', 'pictures', '--out', out)
    assert status == 2 and 'would replace pictures' in error.splitlines()[-1]
    assert (tmp_path / 'pictures' / name).read_bytes() == source.read_bytes()


def test_links_in_the_pictures_are_replaced(run, root, tmp_path):
    original = tmp_path / '0.png'
    shutil.copy(root / 'val/0.png', original)
    (tmp_path / 'out/pictures').mkdir(parents=True)
    (tmp_path / 'out/pictures/0.png').symlink_to(original)
    status, _, error = run(
        'infer', root / 'model.pth', original, '--out', tmp_path / 'out'
    )
    assert status == 0, error
    assert original.read_bytes() == (root / 'val/0.png').read_bytes()
    assert not (tmp_path / 'out/pictures/0.png').is_symlink()


def test_annotations_stay(run, root, tmp_path):
    ann = tmp_path / 'images.json'
    shutil.copy(root / 'val.json', ann)
    words = [root / 'model.pth', root / 'val', '--ann', ann, '--out', tmp_path]
    status, _, error = run('infer', *words)
    assert status == 2 and 'would replace --ann' in error
    assert ann.read_bytes() == (root / 'val.json').read_bytes()


@pytest.mark.parametrize(
    ('failure', 'ended'),
    [(signal.SIGTERM, 143), (signal.SIGINT, 130), (RuntimeError, None)],
)
def test_what_was_found_is_kept(run, root, tmp_path, monkeypatch, failure, ended):
    add, batches = Findings.add, []

    def fail_later(self, batch):
        if len(batches) == 2:
            if ended is None:
                raise failure('enough')
            signal.raise_signal(failure)
        batches.append(batch)
        add(self, batch)

    monkeypatch.setattr(Findings, 'add', fail_later)
    words = ['infer', root / 'model.pth', root / 'clip.mp4', '--out', tmp_path]
    if ended is None:
        with pytest.raises(RuntimeError, match='enough'):
            run(*words)
    else:
        status, _, error = run(*words)
        assert status == ended
        assert error.endswith(
            f'stopped: by {failure.name}: what was found until then is kept\n'
        )
    images = json.loads((tmp_path / 'images.json').read_text())['images']
    assert [image['file_name'] for image in images] == ['clip.mp4#0', 'clip.mp4#1']
    results = json.loads((tmp_path / 'results.json').read_text())
    assert {result['image_id'] for result in results} == {1, 2}
    assert (tmp_path / 'detections.csv').read_text().count('\n') > 1
    video = cv2.VideoCapture(str(tmp_path / 'pictures/clip.mp4'))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 2
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {'images.json', 'results.json', 'detections.csv', 'pictures'}


def test_grey_pictures_are_drawn_as_png(run, root, tmp_path):
    grey = tmp_path / 'grey.pgm'
    cv2.imwrite(str(grey), cv2.imread(str(root / 'val/0.png'), cv2.IMREAD_GRAYSCALE))
    status, _, error = run('infer', root / 'model.pth', grey, '--out', tmp_path / 'out')
    assert status == 0, error
    assert cv2.imread(str(tmp_path / 'out/pictures/grey.png')).shape == (128, 128, 3)


def test_a_picture_that_cannot_be_written(run, root, tmp_path):
    (tmp_path / 'pictures/0.png').mkdir(parents=True)
    status, _, error = run('infer', root / 'model.pth', root / 'val', '--out', tmp_path)
    last = error.splitlines()[-1]
    assert status == 2 and f'{tmp_path}/pictures/0.png cannot be written' in last


def test_names_that_do_not_fit_the_head(run, root, tmp_path):
    content = torch.load(root / 'model.pth', weights_only=True)
    meta = dict(content['meta'], dataset_meta=dict(classes=('a', 'b')))
    torch.save(dict(content, meta=meta), tmp_path / 'two.pth')
    status, _, error = run('infer', tmp_path / 'two.pth', root / 'val')
    last = error.splitlines()[-1]
    assert status == 2 and 'names of 2 classes for a head of 10' in last, error


def test_an_unbuildable_config_is_named(run, root, tmp_path):
    content = torch.load(root / 'model.pth', weights_only=True)
    cfg = Config.fromfile(CONFIG)
    cfg.model.neck.num_outs = 1
    meta = dict(content['meta'], cfg=cfg.pretty_text)
    torch.save(dict(content, meta=meta), tmp_path / 'bad.pth')
    status, _, error = run('infer', tmp_path / 'bad.pth', root / 'val')
    last = error.splitlines()[-1]
    assert status == 2 and last.endswith('give one by --config'), error
    assert last.startswith(f'error: the config in {tmp_path}/bad.pth cannot be used (')
