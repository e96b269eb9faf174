"""Where an interrupted run goes on: its newest checkpoint that is whole."""

from pathlib import Path
from zipfile import ZipFile

from mmengine.config import Config

from eca_mm.checkpoints.safe import CheckpointError, load_file

from .errors import RequestError
from .speech import say


def resume_from_newest(cfg: Config) -> None:
    """Turn ``resume`` without ``load_from`` into the file to go on from.

    mmengine takes what ``last_checkpoint`` names, whether it is there or not. A work
    dir without any checkpoint starts from the beginning, as a pre-empted job needs it.

    Raises:
        RequestError: There are checkpoints, but none of them can be resumed from.
    """
    if not cfg.get('resume') or cfg.get('load_from'):
        return
    newest = newest_checkpoint(Path(cfg.work_dir))
    cfg.resume = newest is not None
    cfg.load_from = newest and str(newest)
    say(f'going on from {newest}' if newest else f'no checkpoint in {cfg.work_dir} yet')


def newest_checkpoint(work_dir: Path) -> Path | None:
    """The file that ``last_checkpoint`` names, or else the newest by what is in it.

    Each damaged file is named on stderr.

    Raises:
        RequestError: No file can be used, though there are some.
    """
    last = last_checkpoint(work_dir)
    found = {}
    problems = []
    for path in candidates(work_dir, last):
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
    return max(found, key=found.get) if found else None


def last_checkpoint(work_dir: Path) -> Path | None:
    """What ``last_checkpoint`` names, by the path of an older place too."""
    try:
        name = (work_dir / 'last_checkpoint').read_text().strip()
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    if not name:
        return None
    # mmengine writes paths that are absolute or relative to where it was started.
    places = [work_dir / name, work_dir / Path(name).name, Path(name)]
    return next((path for path in places if path.is_file()), work_dir / name)


def candidates(work_dir: Path, last: Path | None) -> list[Path]:
    """Checkpoints of the run, that of ``last_checkpoint`` first; without best ones."""
    folders = {work_dir, last.parent} if last else {work_dir}
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
    state = load_file(path)
    for part in ('meta', 'state_dict', 'message_hub', 'optimizer'):
        if not isinstance(state, dict) or not isinstance(state.get(part), dict):
            raise CheckpointError(f'checkpoint {path} is not of a run: no {part}')
    if not {'epoch', 'iter'} <= state['meta'].keys():
        raise CheckpointError(f'checkpoint {path} does not say where the run was')
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
