"""Where an interrupted run continues: its newest checkpoint that is whole."""

from collections.abc import Sequence
from pathlib import Path
from zipfile import ZipFile

from mmengine.config import Config
from mmengine.dist import broadcast_object_list
from mmengine.runner import Runner

from eca_mm.checkpoints.safe import CheckpointError, load_file
from eca_mm.errors import RequestError

from .ranks import is_first_rank
from .resumable import why_not_resumable
from .speech import say


def ask_to_resume(cfg: Config, name: str) -> None:
    """Write ``--resume`` into a config.

    Args:
        name: Of a checkpoint; 'auto' for the newest in the work dir.

    Raises:
        RequestError: The name is empty, as that of a shell's variable may be.
    """
    if not name.strip():
        raise RequestError(
            '--resume got an empty name: give a checkpoint, or leave the name out to '
            'resume from the newest one in the work dir'
        )
    cfg.resume = True
    cfg.load_from = None if name == 'auto' else name


def resume_from_newest(cfg: Config) -> None:
    """Turn ``resume`` without ``load_from`` into the file to resume from.

    mmengine takes what ``last_checkpoint`` names, whether it is there or not. A work
    dir without any checkpoint starts from the beginning, as a pre-empted job needs it.
    The first rank looks; the others learn of it in :func:`share_choice`.

    Raises:
        RequestError: There are checkpoints, but none of them can be resumed from.
    """
    if not cfg.get('resume') or cfg.get('load_from') or not is_first_rank():
        return
    work_dir = Path(cfg.work_dir)
    newest = newest_checkpoint(work_dir, checkpoint_folder(cfg))
    cfg.resume = newest is not None
    cfg.load_from = newest and str(newest)
    say(f'resuming from {newest}' if newest else f'no checkpoint in {work_dir} yet')


def share_choice(runner: Runner) -> None:
    """Let all ranks resume from the file that the first one has chosen."""
    choice = [(runner._resume, runner._load_from)]  # mmengine has no public name
    broadcast_object_list(choice)
    runner._resume, runner._load_from = choice[0]


def checkpoint_folder(cfg: Config) -> Path:
    """Where a run keeps its checkpoints: the work dir, unless its hook has ``out_dir``.

    mmengine makes a folder there that is named as the work dir.
    """
    work_dir = Path(cfg.work_dir)
    hook = (cfg.get('default_hooks') or {}).get('checkpoint') or {}
    out_dir = hook.get('out_dir')
    if not out_dir or '://' in out_dir or Path(out_dir) == work_dir:
        return work_dir
    return Path(out_dir) / work_dir.absolute().name


def newest_checkpoint(work_dir: Path, folder: Path | None = None) -> Path | None:
    """The file that ``last_checkpoint`` names, or else the newest by what is in it.

    Each damaged file is named on stderr.

    Args:
        folder: Where the run keeps its checkpoints, if not in the work dir.

    Raises:
        RequestError: No file can be used, though there are some.
    """
    folders = list(dict.fromkeys([folder or work_dir, work_dir]))
    last = last_checkpoint(work_dir, folders)
    found = {}
    problems = []
    for path in candidates(folders, last):
        try:
            # File times do not survive every copy, so the time of saving is read.
            meta = training_state(path)['meta']
            found[path] = (str(meta.get('time', '')), meta['iter'])
        except CheckpointError as error:
            problems.append(str(error))
        if last in found:
            break
    if problems and not found:
        raise RequestError(
            *problems, f'no checkpoint in {work_dir} can be resumed from'
        )
    for problem in problems:
        say(f'skipped: {problem}')
    return max(found, key=lambda path: found[path]) if found else None


def last_checkpoint(work_dir: Path, folders: Sequence[Path] = ()) -> Path | None:
    """The file of the name that ``last_checkpoint`` has, in the folders of this run.

    The path before it is for mmengine's own ``--resume`` (which takes it as it is): in
    a work dir that was moved or copied it leads to the old place, where another run may
    be, and a relative one into whatever the current folder is.
    """
    pointer = work_dir / 'last_checkpoint'
    try:
        name = pointer.read_text().strip()
    except (FileNotFoundError, NotADirectoryError, UnicodeDecodeError):
        return None
    except OSError as error:
        say(f'skipped: {pointer} cannot be read ({error.strerror})')
        return None
    if not name:
        return None
    if '://' in name:
        say(f'{pointer} names {name}: to resume from there, give that to --resume')
    name = name.replace('\\', '/').rpartition('/')[2]
    places = [folder / name for folder in folders or [work_dir]]
    return next((path for path in places if path.is_file()), places[0])


def candidates(folders: Sequence[Path], last: Path | None) -> list[Path]:
    """Checkpoints of the run, that of ``last_checkpoint`` first; without best ones."""
    files = [
        path
        for folder in folders
        for path in sorted(folder.glob('*.pth'))
        if not path.name.startswith(('.', 'best_'))
    ]
    if not last:
        return files
    return [last] + [path for path in files if path != last]


def training_state(path: Path) -> dict:
    """Read a checkpoint to resume from.

    Raises:
        CheckpointError: It is damaged, unsafe, or holds no training state.
    """
    check_sums(path)
    state = load_file(path, keep=True)  # for the check and the run, which come next
    problem = why_not_resumable(state)
    if problem:
        raise CheckpointError(f'checkpoint {path} {problem}')
    return state


def check_sums(path: Path) -> None:
    """Raise CheckpointError if a file is not as it was written.

    torch reads tensors without a look at their checksums.
    """
    try:
        with path.open('rb') as file:
            if file.read(4) != b'PK\3\4':
                return  # empty, in torch's old format, or no checkpoint
        with ZipFile(path) as archive:
            damaged = archive.testzip()
    except FileNotFoundError:
        return
    except Exception as error:  # damaged bytes can raise anything
        raise CheckpointError(
            f'checkpoint {path} is damaged ({type(error).__name__}: {error})'
        ) from error
    if damaged:
        raise CheckpointError(f'checkpoint {path} is damaged: checksum of {damaged}')
