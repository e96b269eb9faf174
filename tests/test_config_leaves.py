from eca_mm.config_leaves import leaves

CONFIG = dict(
    work_dir='here',
    model=dict(sizes=(3, 5), resume=True, empty={}, none=()),
    steps=[dict(type='A'), dict(scale=[1, 2])],
)


def test_single_values_with_their_paths():
    """Keys are left out at the top alone."""
    assert dict(leaves(CONFIG)) == {
        'model.sizes.0': 3,
        'model.sizes.1': 5,
        'model.resume': True,
        'model.empty': {},
        'model.none': [],
        'steps.0.type': 'A',
        'steps.1.scale.0': 1,
        'steps.1.scale.1': 2,
    }


def test_lists_without_dicts_as_one_value():
    found = dict(leaves(CONFIG, skipped=('steps',), whole_lists=True))
    assert found['model.sizes'] == [3, 5] and found['work_dir'] == 'here'
    assert not any(path.startswith('steps') for path in found)
