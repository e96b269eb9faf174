"""Requests about the work dir and the resume that cannot be meant."""

from argparse import Namespace

import pytest
from mmengine.config import Config

from eca_mm.engine import RequestError, ask_to_resume, load_config


@pytest.mark.parametrize('inner', ['', 'a/b'])
def test_work_dir_that_is_a_file(tmp_path, inner):
    path = tmp_path / 'config.py'
    path.write_text('model = dict()\n')
    (tmp_path / 'file').touch()
    args = Namespace(
        config=str(path), cfg_options=None, launcher='none', local_rank=0,
        work_dir=str(tmp_path / 'file' / inner),
    )  # fmt: skip
    with pytest.raises(RequestError) as error:
        load_config(args)
    (line,) = error.value.args
    assert f'{tmp_path / "file"} is no folder: name another --work-dir' in line
    args.work_dir = str(tmp_path / 'not/yet')
    assert load_config(args).work_dir == args.work_dir
    assert not (tmp_path / 'not').exists()


def test_resume_of_an_empty_name():
    cfg = Config(dict(load_from=None))
    for name in ('', ' '):
        with pytest.raises(RequestError, match='--resume got an empty name'):
            ask_to_resume(cfg, name)
    assert 'resume' not in cfg
    ask_to_resume(cfg, 'a.pth')
    assert cfg.resume and cfg.load_from == 'a.pth'
    ask_to_resume(cfg, 'auto')
    assert cfg.resume and cfg.load_from is None
