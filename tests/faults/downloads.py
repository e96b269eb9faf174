"""Checkpoints by http that run code, or of which only a part comes."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import torch
from attacks import attacks
from hostile import CONFIG, NO_WEIGHTS, tool
from mmengine.runner import CheckpointLoader
from outcome import Outcome
from processes import PATIENCE, each, forked, status_of

# The first runs a command; the others are of a good file and end in the middle of it.
WAYS = ('hostile', 'cut', 'killed', 'Ctrl-C')


def run(tries: int, folder: Path, jobs: int = 2) -> Outcome:
    """It survives if nothing ran, one line says why, and no part has a final name.

    After a cut or a kill the same address is loaded once more, and is whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = each(partial(attack, folder), [*range(tries)], jobs)
    lost = [problem for problem in found if problem]
    note = f'{", ".join(WAYS)}; nothing executed, no half a file kept'
    if lost:
        note = '; '.join(f'{n} x {what}' for what, n in Counter(lost).items())
    return Outcome('download', tries, tries - len(lost), len(lost), note)


def attack(folder: Path, number: int) -> str:
    """What is wrong after one of WAYS, or ''."""
    way = WAYS[number % len(WAYS)]
    here = folder / str(number)
    here.mkdir()
    proof, file, log = here / 'executed', here / 'file', here / 'log'
    if way == 'hostile':
        attacks(proof)['os.system in the optimiser'](file)
    else:
        torch.save(dict(state_dict={'conv1.weight': torch.rand(10**6)}), file)
    os.environ['TORCH_HOME'] = str(here)
    kept = here / 'hub/checkpoints/net.pth'
    with served(file.read_bytes(), None if way == 'hostile' else way) as url:
        arguments = ['train', CONFIG, *NO_WEIGHTS, f'load_from={url}', '--work-dir',
                     str(here / 'work')]  # fmt: skip
        if way == 'hostile':
            status = status_of(forked(partial(tool, here, arguments, False), log))
            return verdict(status, log.read_text(), url, proof)
        child = forked(partial(load, url), log)
        if way != 'cut':
            wait_for_part(kept.parent)
            os.kill(child, signal.SIGKILL if way == 'killed' else signal.SIGINT)
        status = status_of(child)
    if kept.exists() or status == 0:
        return f'{way}: half a file was kept'
    with served(file.read_bytes()) as url:
        again = status_of(forked(partial(load, url), log))
    whole = kept.exists() and kept.read_bytes() == file.read_bytes()
    return '' if again == 0 and whole else f'{way}: it does not load afterwards'


def verdict(status: int, said: str, url: str, proof: Path) -> str:
    if proof.exists():
        return 'EXECUTED'
    lines = [line for line in said.splitlines() if line.startswith('error: ')]
    refusals = [line for line in lines if url in line and 'is rejected' in line]
    if 'Traceback' in said or status != 2 or len(refusals) != 1:
        return f'status {status}, {len(refusals)} lines of refusal'
    return ''


def load(url: str) -> None:
    os.environ['ECA_MM_OFFLINE'] = '0'
    CheckpointLoader.load_checkpoint(url)


def wait_for_part(folder: Path) -> None:
    """Until some of a file has come, which torch keeps under a name of its own."""
    deadline = time.monotonic() + PATIENCE
    while not any(part.stat().st_size for part in folder.glob('*.partial')):
        if time.monotonic() > deadline:
            raise TimeoutError(f'nothing is being written to {folder}')
        time.sleep(0.01)


@contextmanager
def served(content: bytes, way: str | None = None) -> Iterator[str]:
    """Offer a file; with a way to end, half of it, and then the end or nothing."""
    done = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header('Content-Length', str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if way else content)
            if way not in (None, 'cut'):
                done.wait()

        def log_message(self, *args) -> None:
            pass

    server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f'http://127.0.0.1:{server.server_port}/net.pth'
    finally:
        done.set()
        server.shutdown()
        server.server_close()
