"""What a commit is checked by is what ``make lint`` runs."""

import re

import yaml


def test_hooks_run_the_commands_of_make_lint(repo):
    recipe = re.search(
        r'^lint:.*\n((?:\t.*\n)+)', (repo / 'Makefile').read_text(), re.M
    )
    commands = recipe[1].replace('$(BIN)', '.venv/bin').split('\n\t')
    config = yaml.safe_load((repo / '.pre-commit-config.yaml').read_text())
    (source,) = config['repos']
    assert source['repo'] == 'local'  # nothing of another version is downloaded
    entries = [hook['entry'] for hook in source['hooks']]
    assert entries == [command.strip() for command in commands]
    for hook in source['hooks']:
        assert hook['language'] == 'system' and hook['pass_filenames'] is False
