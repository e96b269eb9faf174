"""Files that try to run a command: pickles in every disguise that torch reads."""

import builtins
import functools
import importlib
import io
import os
import pickle
import runpy
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import HistoryBuffer


class Call:
    """Pickles as a call, and may itself be what another one calls."""

    def __init__(self, function, *args, state=None) -> None:
        self.call = (function, args) if state is None else (function, args, state)

    def __reduce__(self):
        return self.call

    def __call__(self) -> None:
        """Pickle asks whether it can be called."""


def in_part(part: str, thing, **options) -> Callable[[Path], None]:
    """Write a checkpoint that has something hidden in one of its parts."""

    def write(path: Path) -> None:
        state = dict(
            meta=dict(epoch=1, iter=4),
            state_dict={'conv1.weight': torch.zeros(64, 3, 7, 7)},
            message_hub={},
            optimizer={},
        )
        state[part]['state'] = [dict(deep=(thing,))]
        torch.save(state, path, **options)

    return write


def raw(text: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(text)


def tensor_of(thing) -> Call:
    """A tensor whose class and state are made by calls of the file."""
    args = (thing, torch.Tensor, (), {})
    return Call(torch._tensor._rebuild_from_type_v2, *args)


def script(path: Path) -> None:
    """TorchScript, which is code of its own."""
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), path)


def old_tar(thing) -> Callable[[Path], None]:
    """The layout of torch 0.1, a tar file of pickles."""

    def write(path: Path) -> None:
        with tarfile.open(path, 'w') as file:
            for name in ('storages', 'tensors', 'pickle'):
                content = pickle.dumps(thing)
                member = tarfile.TarInfo(name)
                member.size = len(content)
                file.addfile(member, io.BytesIO(content))

    return write


def bare_zip(thing) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with ZipFile(path, 'w') as file:
            file.writestr('archive/data.pkl', pickle.dumps(thing, 2))
            file.writestr('archive/version', '3\n')

    return write


def attacks(proof: Path) -> dict[str, Callable[[Path], None]]:
    """Writers of hostile files by name; each would make the file ``proof``."""
    shell = f'touch {proof}'
    python = f'open({str(proof)!r}, "w")'
    evil = proof.with_name('evil.py')
    evil.write_text(python)
    system = Call(os.system, shell)
    import_os = Call(importlib.import_module, 'os')
    globals_of = Call(getattr, Call(getattr, HistoryBuffer, '__init__'), '__globals__')
    forged = np.arange(8, dtype=np.uint8).tobytes()  # read as the address of an object
    rebuild = np._core.multiarray._reconstruct
    objects = (1, (1,), np.dtype('O'), False, [system])
    return {
        'os.system in the optimiser': in_part('optimizer', system),
        'eval in meta': in_part('meta', Call(eval, python)),
        'exec in the message hub': in_part('message_hub', Call(exec, python)),
        'Popen in the weights': in_part('state_dict', Call(subprocess.Popen, [
            'touch', str(proof)])),
        'open': in_part('meta', Call(builtins.open, str(proof), 'w')),
        'functools.partial, called': in_part('optimizer', Call(
            Call(functools.partial, os.system, shell))),
        'getattr of a module': in_part('meta', Call(
            Call(getattr, import_os, 'system'), shell)),
        'getattr of HistoryBuffer': in_part('message_hub', Call(
            Call(getattr, globals_of, '__getitem__'), 'np')),
        'an object in the state of HistoryBuffer': in_part('message_hub', Call(
            HistoryBuffer, [1.0], [1], state=dict(_statistics_methods=[system]))),
        'numpy.ndarray over forged addresses': in_part('message_hub', Call(
            np.ndarray, (1,), 'O8', forged)),
        'HistoryBuffer over forged addresses': in_part('message_hub', Call(
            HistoryBuffer, Call(np.ndarray, (1,), 'O8', forged), [1])),
        'numpy array of objects': in_part('message_hub', Call(
            rebuild, np.ndarray, (0,), b'b', state=objects)),
        'a function of torch calls': in_part('state_dict', tensor_of(system)),
        'torch.load of another file': in_part('meta', Call(
            torch.load, str(proof.with_name('inner.pth')))),
        'config of mmengine': in_part('meta', Call(Config.fromfile, str(evil))),
        'runpy': in_part('meta', Call(runpy.run_path, str(evil))),
        "torch's old format": in_part(
            'optimizer', system, _use_new_zipfile_serialization=False),
        "torch's oldest format": old_tar(system),
        'a pickle as text': raw(f'cos\nsystem\n(S{shell!r}\ntR.'.encode()),
        'a pickle in a bare zip': bare_zip(system),
        'TorchScript': script,
    }  # fmt: skip
