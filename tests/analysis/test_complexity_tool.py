import csv
import io
import json
import subprocess
import sys

import pytest


@pytest.fixture
def call(repo, tmp_path):
    def run(*arguments) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, repo / 'tools/complexity.py', *map(str, arguments)],
            cwd=tmp_path, capture_output=True, text=True,
        )  # fmt: skip

    return run


def test_table_2_as_csv(call):
    done = call('--paper-table', 2, '--format', 'csv')
    assert done.returncode == 0, done.stderr
    rows = {row['row']: row for row in csv.DictReader(io.StringIO(done.stdout))}
    # two layers of 256 x 16, a full 256 x 256 matrix
    assert (rows['SE']['ours'], rows['SE-Var3']['ours']) == ('8192', '65536')


def test_a_config_at_another_size_as_json(call, repo):
    """A quarter of the positions costs about a quarter: RetinaNet has no fixed part."""
    config = repo / 'configs/eca_retinanet_r50.py'
    flops = []
    for shape in ((256, 256), (128, 128)):
        done = call(
            config, '--shape', *shape, '--convention', 'paper', '--format', 'json'
        )
        assert done.returncode == 0, done.stderr
        (row,) = json.loads(done.stdout)
        # 37.97 million parameters, of which the frozen stages keep 0.225
        assert round(row['parameters (10^6)'], 2) == 37.97
        assert round(row['trainable (10^6)'], 2) == 37.74
        flops.append(row['flops (10^9)'])
    assert flops[0] / flops[1] == pytest.approx(4, rel=0.01)


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        (['absent.py'], 'config absent.py not found'),
        ([], 'give config files or --paper-table'),
        (['a.py', '--paper-table', '2'], 'give config files or --paper-table'),
        (['--paper-table', '4'], 'invalid choice'),
        (['a.py', '--shape', '0', '8'], 'each side must be at least 32'),
    ],
)
def test_wrong_requests(call, arguments, said):
    done = call(*arguments)
    assert done.returncode == 2
    assert said in done.stderr.splitlines()[-1]
