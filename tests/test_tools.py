"""The tools as a user runs them, on a stand-in in COCO's own layout."""

import csv
import json
import os
import subprocess
import sys

import pytest
import torch

import eca_mm  # noqa: F401  (torch reads checkpoints of mmengine's then)

CONFIG = 'configs/eca_faster_rcnn_r50.py'
# Small images, random initial weights, and every box counted, so that an untrained
# model has something to evaluate.
SMALL = [
    'model.backbone.init_cfg=None',
    'model.test_cfg.rcnn.score_thr=0.01',
    'model.test_cfg.rpn.max_per_img=50',
    'train_dataloader.dataset.pipeline.2.scale=(128,96)',
    'val_dataloader.dataset.pipeline.1.scale=(128,96)',
    'test_dataloader.dataset.pipeline.1.scale=(128,96)',
    *(
        f'{split}_dataloader.{key}'
        for split in ('train', 'val', 'test')
        for key in ('num_workers=0', 'persistent_workers=False')
    ),
    'default_hooks.logger.interval=1',
    'randomness.seed=0',
]


def run(repo, cwd, *command, **env) -> subprocess.CompletedProcess:
    # The scripts call python: it has to be this one.
    path = os.path.dirname(sys.executable) + os.pathsep + os.environ['PATH']
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        # No test downloads weights.
        env=dict(os.environ, PATH=path, PYTHONPATH=str(cwd), ECA_MM_OFFLINE='1', **env),
        capture_output=True,
        text=True,
    )


def train(repo, cwd, *args, config=None) -> subprocess.CompletedProcess:
    script = repo / 'tools/train.py'
    return run(repo, cwd, sys.executable, script, config or repo / CONFIG, *args)


def only_line(text: str) -> str:
    (line,) = text.splitlines()
    return line


@pytest.mark.parametrize('extra', [[], ['--check', '--json']])
def test_train_without_weights_or_data(repo, tmp_path, extra):
    done = train(repo, tmp_path, *extra)
    assert done.returncode == 2
    if extra:
        assert '2 things to fix' in only_line(done.stderr)
        errors = [
            f for f in json.loads(done.stdout)['findings'] if f['level'] == 'error'
        ]
        lines = [' '.join(error.values()) for error in errors]
    else:
        lines = done.stderr.splitlines()
    assert 'ecanet://resnet50 is not at checkpoints/eca_resnet50.pth' in lines[0]
    assert 'https://drive.google.com/file/d/1670rce333c_' in lines[0]
    assert len(lines) == 2 and 'data/coco not found' in lines[1]
    assert list(tmp_path.iterdir()) == []


def test_train_without_data(repo, tmp_path):
    done = train(repo, tmp_path, '--cfg-options', 'model.backbone.init_cfg=None')
    assert done.returncode == 2
    assert 'train, val data root: data/coco not found' in only_line(done.stderr)


@pytest.mark.parametrize(
    ('source', 'said'),
    [(None, 'config other.py not found'), ('model = dict(', 'SyntaxError'),
     ('_base_ = "absent.py"', 'absent.py'), ('a = 1 / 0', 'ZeroDivisionError')],
)  # fmt: skip
def test_wrong_config(repo, tmp_path, source, said):
    if source:
        (tmp_path / 'other.py').write_text(source)
    done = train(repo, tmp_path, config='other.py')
    assert done.returncode == 2
    assert said in only_line(done.stderr)


def test_wrong_arguments(repo, tmp_path, coco_root):
    random_init = ['--cfg-options', 'model.backbone.init_cfg=None']
    done = train(repo, tmp_path, '--resume', 'absent.pth', *random_init)
    assert (done.returncode, 'absent.pth not found' in only_line(done.stderr)) == (
        2,
        True,
    )
    if not torch.cuda.is_available():
        done = train(repo, tmp_path, '--amp', *random_init)
        assert (done.returncode, '--amp needs a GPU' in only_line(done.stderr)) == (
            2,
            True,
        )
    script = repo / 'tools/test.py'
    done = run(repo, tmp_path, sys.executable, script, repo / CONFIG, 'absent.pth')
    assert (done.returncode, 'absent.pth not found' in only_line(done.stderr)) == (
        2,
        True,
    )
    out = ['--out', 'absent/raw.json']
    done = run(
        repo, tmp_path, sys.executable, script, repo / CONFIG, 'absent.pth', *out
    )
    assert (done.returncode, 'folder absent cannot be' in only_line(done.stderr)) == (
        2,
        True,
    )


@pytest.mark.slow
def test_train_resume_and_test(repo, tmp_path, coco_root):
    work_dir = tmp_path / 'work_dirs/eca_faster_rcnn_r50'

    done = train(repo, tmp_path, '--cfg-options', *SMALL, 'train_cfg.max_epochs=1')
    assert done.returncode == 0, done.stderr
    # 2 images on one process, base batch 8
    assert 'the current batch size is 2. Scaling the original LR by 0.25' in done.stdout
    assert (work_dir / 'epoch_1.pth').is_file()
    first = json.loads((work_dir / 'results.json').read_text())
    assert first['iteration'] == 2  # 4 images
    assert 0 <= first['coco']['bbox']['AP'] <= 1

    done = train(
        repo, tmp_path, '--resume', '--cfg-options', *SMALL, 'train_cfg.max_epochs=2'
    )
    assert done.returncode == 0, done.stderr
    assert 'resumed epoch: 1, iter: 2' in done.stdout
    trained = json.loads((work_dir / 'results.json').read_text())
    assert trained['iteration'] == 4
    for name in ('index.html', 'report.md', 'predictions.bbox.json', 'last_checkpoint'):
        assert (work_dir / name).stat().st_size > 0, name
    state = torch.load(work_dir / 'epoch_2.pth', weights_only=True)
    assert state['meta']['iter'] == 4

    done = run(
        repo, tmp_path, sys.executable, repo / 'tools/test.py', repo / CONFIG,
        work_dir / 'epoch_2.pth', '--out', 'raw.pkl', '--show-dir', 'painted',
        '--cfg-options', *SMALL,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    tested = json.loads((work_dir / 'results.json').read_text())
    assert tested['metrics'] == trained['metrics']
    assert tested['checkpoint'].endswith('epoch_2.pth')
    assert reported_ap(work_dir) == pytest.approx(
        tested['metrics']['coco/bbox_mAP'], abs=1e-3
    )  # which has three decimals
    assert (tmp_path / 'raw.pkl').stat().st_size > 0
    assert len(list(work_dir.glob('*/painted/*.jpg'))) == 2

    done = run(
        repo, tmp_path, sys.executable, repo / 'tools/test.py', repo / CONFIG,
        work_dir / 'epoch_2.pth', '--tta', '--out', 'raw.json', '--cfg-options', *SMALL,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / 'raw.json').read_text())
    written = json.loads((work_dir / 'predictions.bbox.json').read_text())
    assert len(rows) == len(written) > 0
    for one, two in zip(rows, written, strict=True):
        assert one['image_id'] == two['image_id'] and one['score'] == two['score']
        assert one['category_id'] == two['category_id']
        assert one['bbox'] == pytest.approx(two['bbox'], abs=1e-4)
    assert 'coco/bbox_mAP' in done.stdout


def reported_ap(work_dir) -> float:
    """Box AP in the report of a work dir."""
    with open(work_dir / 'report_data/scores_bbox.csv') as file:
        row = next(csv.DictReader(file))
    assert row['figure'] == 'AP'
    return float(row['value'])


DUMP_HOOK = """
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

@HOOKS.register_module()
class DumpRank(Hook):
    def before_train(self, runner):
        torch.save(runner.model.state_dict(), f'before{get_rank()}.pth')

    def after_train(self, runner):
        torch.save(runner.model.state_dict(), f'after{get_rank()}.pth')
"""


@pytest.mark.slow
def test_two_ranks_on_cpu(repo, tmp_path, coco_root):
    (tmp_path / 'dump_rank.py').write_text(DUMP_HOOK)
    (tmp_path / 'config.py').write_text(
        f"_base_ = '{repo / CONFIG}'\n"
        "custom_imports = dict(imports=['eca_mm', 'dump_rank'])\n"
        "custom_hooks = [dict(type='ReportHook'), dict(type='DumpRank')]\n"
    )
    done = run(
        repo, tmp_path, 'bash', repo / 'tools/dist_train.sh', 'config.py', 2,
        '--cfg-options', *SMALL, 'train_cfg.max_epochs=1',
        PORT=str(29000 + os.getpid() % 1000),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert 'the current batch size is 4' in done.stdout
    # Each rank evaluates its half, and one evaluation comes out.
    assert done.stdout.count('coco/bbox_mAP:') == 1
    assert done.stdout.count('report: ') == 1
    before, one, two = (
        torch.load(tmp_path / name, weights_only=True)
        for name in ('before0.pth', 'after0.pth', 'after1.pth')
    )
    weights = [key for key in one if key.endswith(('.weight', '.bias'))]
    assert all(torch.equal(one[key], two[key]) for key in weights)
    moved = [key for key in weights if not torch.equal(one[key], before[key])]
    assert 'module.backbone.layer2.0.bn3.weight' in moved
    assert 'module.roi_head.bbox_head.fc_cls.weight' in moved

    done = run(
        repo, tmp_path, 'bash', repo / 'tools/dist_test.sh', 'config.py',
        'work_dirs/config/epoch_1.pth', 2, '--cfg-options', *SMALL,
        PORT=str(29000 + os.getpid() % 1000),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('coco/bbox_mAP:') == 1


@pytest.mark.parametrize('script', ['dist_train.sh', 'dist_test.sh', 'slurm_train.sh',
                                    'slurm_test.sh'])  # fmt: skip
def test_scripts_say_how_to_call_them(repo, tmp_path, script):
    done = run(repo, tmp_path, 'bash', repo / 'tools' / script)
    assert done.returncode == 2
    assert only_line(done.stderr).startswith('usage: ')


def test_dist_train_stops_at_a_wrong_request_with_one_line(repo, tmp_path):
    done = run(repo, tmp_path, 'bash', repo / 'tools/dist_train.sh', 'absent.py', 2)
    assert done.returncode == 2
    assert 'absent.py not found' in only_line(done.stderr)


def test_slurm_passes_the_command_on(repo, tmp_path):
    """srun is replaced by a script that prints its arguments."""
    srun = tmp_path / 'srun'
    srun.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    srun.chmod(0o755)
    done = subprocess.run(
        ['bash', repo / 'tools/slurm_train.sh', 'gpu', 'job', 'a.py', 'out', '--amp'],
        env=dict(os.environ, PATH=f'{tmp_path}:{os.environ["PATH"]}', GPUS='16',
                 SRUN_ARGS='--time=1:00 --qos=low'),
        capture_output=True, text=True,
    )  # fmt: skip
    args = done.stdout.split()
    assert args[:3] == ['-p', 'gpu', '--job-name=job']
    assert {'--ntasks=16', '--time=1:00', '--qos=low'} <= set(args)
    tool = str(repo / 'tools/train.py')
    assert args[-5:] == [tool, 'a.py', '--work-dir=out', '--amp', '--launcher=slurm']


def test_own_data_as_the_guide_tells(repo, tmp_path, coco_root):
    """The config that docs/own_data.md shows, taken from it, passes the check."""
    guide = (repo / 'docs/own_data.md').read_text()
    section = guide.partition('### Data that is in COCO format already')[2]
    example = section.partition('```python\n')[2].partition('```')[0]
    config = tmp_path / 'pets.py'
    config.write_text(example.replace("'configs/", f"'{repo}/configs/"))
    pets = tmp_path / 'data/pets'
    (coco_root / 'train2017').rename(coco_root / 'images')
    coco_root.rename(pets)
    coco = json.loads((pets / 'annotations/instances_train2017.json').read_text())
    coco['categories'] = [dict(id=1, name='cat'), dict(id=2, name='dog')]
    for i, annotation in enumerate(coco['annotations']):
        annotation['category_id'] = 1 + i % 2
    for name in ('train.json', 'val.json'):
        (pets / name).write_text(json.dumps(coco))
    random_init = ['--cfg-options', 'model.backbone.init_cfg=None']
    done = train(repo, tmp_path, '--check', *random_init, config=config)
    assert (done.returncode, done.stderr) == (0, '')
    coco['categories'][1]['name'] = 'bird'
    (pets / 'val.json').write_text(json.dumps(coco))
    done = train(repo, tmp_path, '--check', *random_init, config=config)
    assert (done.returncode, "'dog'" in done.stdout) == (2, True)
    assert 'error: 1 thing to fix' in only_line(done.stderr)
