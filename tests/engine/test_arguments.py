"""Requests about the work dir and the resume that cannot be meant."""

import re
from argparse import Namespace

import pytest
from mmengine.config import Config

from eca_mm.engine import RequestError, ask_to_resume, load_config
from eca_mm.engine.arguments import parsed


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
    assert f'{tmp_path / "file"} is not a folder: name another --work-dir' in line
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


def test_settings_as_mmengine_reads_them():
    words = ['a.b=[1,(2,3)]', 'a.c=x,y', 'd=None', 'a.b=4']
    assert parsed(words) == {'a.b': 4, 'a.c': ['x', 'y'], 'd': None}
    assert parsed(None) == {}


@pytest.mark.parametrize('word', ['a=[1,(2', 'a=[(1]'])
def test_brackets_that_do_not_close(word):
    with pytest.raises(RequestError, match='--cfg-options ' + re.escape(word)):
        parsed(['b=1', word])
