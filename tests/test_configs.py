import re
from pathlib import Path

import pytest
import torch
import yaml
from mmcv.cnn.bricks import ContextBlock, NonLocal2d
from mmdet.registry import MODELS
from mmengine.config import Config, DictAction
from mmengine.hub import get_config
from one_box import sample_with_one_box

from eca_mm.checkpoints.released import asked_sizes, find_release, releases
from eca_mm.paper import config_name, load_table
from eca_mm.paper.configs_readme import SYNCBN, configs_readme
from eca_mm.paper.metafile import metafile
from eca_mm.paper.tables import DETECTORS, load_gcnet, load_ours

REPO = Path(__file__).parents[1]
CONFIGS = sorted(
    path.relative_to(REPO)
    for folder in ('configs', 'configs/modern', 'projects/*/configs')
    for path in REPO.glob(f'{folder}/*.py')
    if 'imagenet' not in path.parts  # classifiers: tests/pretrain/test_imagenet.py
)

OURS = [row['config'] for row in load_ours()]


@pytest.mark.parametrize('path', CONFIGS, ids=str)
def test_builds_and_trains_a_step(path):
    """Loss and gradient on two small images; initial weights are left out.

    Where norms learn, the gates of a single image have no gradient: the mean of what a
    norm gives it is the norm's bias.
    """
    cfg = Config.fromfile(REPO / path)
    cfg.model.backbone.init_cfg = None
    model = MODELS.build(cfg.model)
    model.train()
    data = dict(
        inputs=[*torch.randint(0, 255, (2, 3, 64, 64), dtype=torch.uint8)],
        data_samples=[sample_with_one_box(with_mask=model.with_mask) for _ in '12'],
    )
    data = model.data_preprocessor(data, training=True)
    losses = model(**data, mode='loss')
    total, _ = model.parse_losses(losses)
    assert torch.isfinite(total)
    total.backward()
    for name, parameter in model.named_parameters():
        if '.eca.' in name and parameter.requires_grad:
            assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize('folder', ['', 'modern/'])
def test_protocol_of_the_paper(folder):
    """Section 4.1, against figures typed from the paper."""
    cfg = Config.fromfile(REPO / f'configs/{folder}eca_faster_rcnn_r50.py')
    sgd = dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=1e-4)
    assert dict(cfg.optim_wrapper.optimizer) == sgd
    assert dict(cfg.auto_scale_lr) == dict(enable=True, base_batch_size=8)
    assert cfg.train_cfg.max_epochs == 12
    drops = [s for s in cfg.param_scheduler if s.type == 'MultiStepLR']
    assert [(s.milestones, s.gamma) for s in drops] == [([8, 11], 0.1)]
    assert cfg.train_dataloader.batch_size == 2
    (resize,) = (t for t in cfg.train_pipeline if t.type.endswith('Resize'))
    assert min(resize.scale) == 800 and resize.keep_ratio
    assert 'train2017' in cfg.train_dataloader.dataset.ann_file
    assert cfg.model.backbone.depth == 50
    assert cfg.model.backbone.kernel_sizes == (3, 5, 5, 7)
    assert cfg.model.backbone.init_cfg.checkpoint == 'ecanet://resnet50'
    assert cfg.model.neck.type == 'FPN'
    assert cfg.custom_imports.imports == ['eca_mm']


@pytest.mark.parametrize('row', load_table(5), ids=config_name)
def test_rows_by_both_rules_have_the_same_backbone(row):
    """And nothing at the top of a config is left over from how it is put together."""
    name = config_name(row)
    one, other, plain = (
        Config.fromfile(REPO / path)
        for path in (
            f'configs/{name}.py',
            f'configs/modern/{name}.py',
            f'configs/{DETECTORS[row["detector"]]}_r50.py',
        )
    )
    assert one.model.backbone == other.model.backbone
    assert one.keys() == other.keys() | {'tta_model'} == plain.keys()


@pytest.mark.parametrize('depth', ['r50', 'r101'])
@pytest.mark.parametrize('detector', DETECTORS.values())
def test_modern_baselines_are_mmdetections_models(detector, depth):
    """So the AP of its zoo is what is to be expected of them."""
    ours = Config.fromfile(REPO / f'configs/modern/{detector}_{depth}.py')
    name = f'{detector.replace("_", "-")}_{depth}_fpn_1x_coco.py'
    theirs = get_config(f'mmdet::{detector}/{name}')
    scope = dict(_scope_='mmdet')
    assert ours.model == {**theirs.model, **scope}
    steps = theirs.train_pipeline
    assert ours.train_pipeline == [{**step, **scope} for step in steps]


@pytest.mark.parametrize('detector', DETECTORS.values())
def test_kernel_sizes_of_the_authors_detectors(detector):
    """The options that the first lines of a config give for them."""
    path = REPO / f'configs/eca_{detector}_r50.py'
    options = re.search(
        r'--cfg-options (\S+) \\\n# +(\S+)\n', path.read_text()
    ).groups()
    pairs = (option.split('=', 1) for option in options)
    cfg = Config.fromfile(path)
    cfg.merge_from_dict({key: DictAction._parse_iterable(v) for key, v in pairs})
    sizes, checkpoint = (
        cfg.model.backbone.kernel_sizes,
        cfg.model.backbone.init_cfg.checkpoint,
    )
    assert sizes == releases()[f'ecanet-coco://{detector}_r50'].kernel_sizes
    assert asked_sizes(checkpoint) == sizes
    assert find_release(checkpoint) == releases()['ecanet://resnet50']


def test_readme_of_the_configs_is_made_from_the_tables():
    assert (REPO / 'configs/README.md').read_text() == configs_readme()


def test_every_config_is_listed():
    names = {config_name(row) for row in load_table(5)}
    found = {path.stem for path in CONFIGS if path.parent == Path('configs')}
    assert found == {*names, *SYNCBN, *OURS}
    assert len(found) == len(names) + len(SYNCBN) + len(OURS)
    assert {path.stem for path in CONFIGS if path.parent.name == 'modern'} == names
    assert {row['config'] for row in load_gcnet()} <= names | set(SYNCBN)


def test_metafile_lists_the_configs_and_claims_nothing():
    (path,) = yaml.safe_load((REPO / 'model-index.yml').read_text())['Import']
    meta = yaml.safe_load((REPO / path).read_text())
    assert (REPO / path).read_text() == metafile()
    (collection,) = meta['Collections']
    rows = [config_name(row) for row in load_table(5)]
    names = [*rows, *SYNCBN, *(f'modern/{name}' for name in rows), *OURS]
    expected = [f'configs/{name}.py' for name in names]
    assert [model['Config'] for model in meta['Models']] == expected
    assert len({model['Name'] for model in meta['Models']}) == len(expected)
    for model in meta['Models']:
        assert model['In Collection'] == collection['Name']
        assert not {'Weights', 'Results'} & model.keys()


def test_where_non_local_and_gc_blocks_stand():
    """One block behind the last but one of c4; blocks at c3 to c5, ratio 1/16."""
    for name, stages in (('nl', {3: {4}}), ('gc', {2: 4, 3: 6, 4: 3})):
        cfg = Config.fromfile(REPO / f'configs/{name}_mask_rcnn_r50.py')
        cfg.model.backbone.init_cfg = None
        backbone = MODELS.build(cfg.model.backbone)
        kind = dict(nl=NonLocal2d, gc=ContextBlock)[name]
        for stage in range(1, 5):
            found = {
                i
                for i, block in enumerate(getattr(backbone, f'layer{stage}'))
                if any(isinstance(m, kind) for m in block.children())
            }
            expected = stages.get(stage, set())
            if isinstance(expected, int):
                expected = set(range(expected))
            assert found == expected
    assert backbone.layer2[0].context_block.ratio == 1 / 16
