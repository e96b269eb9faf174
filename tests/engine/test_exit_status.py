"""A checkpoint that only the runner meets ends a tool in one line, with status 2."""

import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import torch
from mmengine.model import BaseModule
from small_run import small_runner

from eca_mm.engine import exit_status


class Attack:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.fixture
def hostile(tmp_path):
    path = tmp_path / 'hostile.pth'
    torch.save(dict(state_dict=Attack(f'touch {tmp_path}/executed')), path)
    return path


@pytest.fixture
def address(hostile, monkeypatch):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(hostile.read_bytes())

        def log_message(self, *args) -> None:
            pass

    monkeypatch.setenv('ECA_MM_OFFLINE', '0')
    monkeypatch.setenv('TORCH_HOME', str(hostile.parent / 'torch'))
    server = HTTPServer(('127.0.0.1', 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f'http://127.0.0.1:{server.server_port}/hostile.pth'
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize('resume', [False, True])
@pytest.mark.parametrize('remote', [False, True])
def test_in_a_runner(hostile, address, tmp_path, resume, remote, capsys):
    name = address if remote else str(hostile)
    runner = small_runner(tmp_path, load_from=name, resume=resume)
    assert exit_status(runner.train) == 2
    said_only_why(capsys.readouterr().err, tmp_path)


def test_in_initial_weights(address, tmp_path, capsys):
    module = BaseModule(dict(type='Pretrained', checkpoint=address))
    assert exit_status(module.init_weights) == 2
    said_only_why(capsys.readouterr().err, tmp_path)


def said_only_why(said: str, folder) -> None:
    lines = [line for line in said.splitlines() if 'downloading' not in line]
    (line,) = [line for line in lines if line.startswith('error: checkpoint ')]
    assert 'posix.system, which could run code' in line
    assert 'Traceback' not in said
    assert not (folder / 'executed').exists()
