"""What a run is started with."""

from copy import deepcopy

from small_campaign import make_rows, plan_of, tools

from eca_mm.campaign.executors import Where
from eca_mm.campaign.run_commands import Tools, environment, needs_test
from eca_mm.engine import read_config

CONFIG = 'eca_faster_rcnn_r50'


def test_commands(tmp_path, repo):
    (row, _) = make_rows(tmp_path)
    plan = plan_of(tmp_path, [row], options=['a=1'])
    run = plan.runs()[0]
    job = tools(tmp_path).job(run, plan, Where(), '3')
    (command,) = job.commands.values()
    script, config, *words = command[1:]
    assert script.endswith('stand_in/train.py') and config == str(row.config)
    assert words == [
        '--work-dir', str(run.folder), '--cfg-options', 'randomness.seed=0', 'a=1',
        '--launcher', 'none', '--resume',
    ]  # fmt: skip
    assert job.environment == dict(CUDA_VISIBLE_DEVICES='3')
    many = Tools(repo / 'tools', tmp_path).job(run, plan, Where(gpus=2), '0,1')
    command = many.commands['train']
    assert command[1:4] == [
        str(repo / 'tools/launch.py'), '--standalone', '--nproc_per_node=2',
    ]  # fmt: skip
    assert command[-3:] == ['--launcher', 'pytorch', '--resume']


def test_threads(monkeypatch):
    monkeypatch.delenv('OMP_NUM_THREADS', raising=False)
    monkeypatch.setattr('os.cpu_count', lambda: 16)
    assert environment(Where(jobs=2), None)['OMP_NUM_THREADS'] == '8'
    assert environment(Where(jobs=2, gpus=4), None)['OMP_NUM_THREADS'] == '2'
    assert environment(Where('slurm'), None) == {}
    monkeypatch.setenv('OMP_NUM_THREADS', '1')
    assert environment(Where(), None) == {}


def test_a_test_of_its_own_where_it_is_another_than_the_validation(repo):
    cfg = read_config(str(repo / f'configs/{CONFIG}.py'))
    assert not needs_test(cfg)
    for key, value, needs in (
        ('test_dataloader.dataset.ann_file', 'test.json', True),
        ('test_evaluator.metric', 'segm', True),
        ('test_dataloader.batch_size', 4, False),
    ):
        changed = deepcopy(cfg)
        changed.merge_from_dict({key: value})
        assert needs_test(changed) == needs, key
    cfg.pop('val_cfg')
    assert needs_test(cfg)
    cfg.pop('test_dataloader')
    assert not needs_test(cfg)
