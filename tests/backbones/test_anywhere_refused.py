"""WithAttention: what is rejected, and what it then says."""

import pytest
from mmdet.registry import MODELS
from small_hosts import CSPNEXT, FPN, RESNET, SWIN, attended
from torch import nn


@pytest.mark.parametrize(
    ('host', 'at', 'said'),
    [
        (
            SWIN,
            'SwinBlok',
            "'SwinBlok' matches nothing.*mean 'SwinBlock'.*'stages', Sw",
        ),
        (
            SWIN,
            'stages.*',
            r'behind stages.0 .* gives 4 results.*SwinBlock \(3, such as',
        ),
        (SWIN, 'WindowMSA', 'stages.0.blocks.0.attn.w_msa .*axis is not the batch'),
        (SWIN, 'Linear', 'stages.0.blocks.0.attn.w_msa.qkv .*single layer'),
        (CSPNEXT, 'BatchNorm2d', 'bn .*single layer.*CSPLayer'),
        (CSPNEXT, 'stag5', "nothing.*mean 'stage"),
        (RESNET, 'relu', 'relu .*single layer'),
        (RESNET, [], 'names no place; possible are'),
        (FPN, 'stage', "nothing in FPN.*mean 'stages'.*ConvModule"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_places(host, at, said):
    with pytest.raises(ValueError, match=said) as error:
        attended(host, at)
    assert '\n' not in str(error.value)


def test_place_of_another_type():
    for at in (3.5, [True], None):
        with pytest.raises(TypeError, match="string, a map's number or a list of the"):
            attended(RESNET, at)


@pytest.mark.parametrize('number', [4, -1])
def test_a_map_that_is_not_there(number):
    with pytest.raises(ValueError, match='it gives 4, numbered from 0'):
        attended(RESNET, [1, number])


def test_a_neck_that_takes_any_number_of_maps():
    neck = dict(type='DyHead', in_channels=16, out_channels=16, num_blocks=1)
    with pytest.raises(ValueError, match='maps of DyHead: gives maps whose number its'):
        attended(neck, 'stages')


class Tokens(nn.Module):
    """A class token before the positions, and a part that is run twice."""

    def __init__(self):
        super().__init__()
        self.patch = nn.Conv2d(3, 8, 4, 4)
        self.block, self.twice, self.never = (
            nn.ModuleDict(dict(inner=nn.Linear(8, 8))) for _ in range(3)
        )
        for part in (self.block, self.twice, self.never):
            part.forward = part.inner.forward

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        return self.twice(self.twice(self.block(nn.functional.pad(x, (0, 0, 1, 0)))))


@pytest.mark.parametrize(
    ('at', 'said'),
    [
        ('block', r'gives \(2, 1025, 8\), more or less than the positions'),
        ('twice', 'run 2 times in a forward'),
        ('never', 'run not by itself'),
        ('stages', 'on the maps of Tokens: gives.*possible are no places'),
    ],
)
def test_modules_of_which_too_little_is_known(at, said):
    with pytest.raises(ValueError, match=said):
        attended(dict(type=Tokens), at)


@pytest.mark.parametrize(
    ('attention', 'said'),
    [
        ('SEVar1', 'SEVar1 cannot begin as the identity'),
        ('ResNet', 'ResNet cannot begin as the identity'),
        (
            dict(type='ContextBlock', ratio=0.25, fusion_types=('channel_mul',)),
            'ContextBlock with these arguments cannot begin',
        ),
        (
            dict(type='NonLocal2d', zeros_init=False, sub_sample=False),
            'NonLocal2d with',
        ),
        (dict(type='ECA', identity_init=True), 'identity_init is an argument of With'),
        (dict(type='ECA', in_channels=8), 'in_channels are found'),
        ('CBAM', 'CBAM needs height and width'),
        (dict(type='ECA', kernel_size=4), 'kernel_size must be odd'),
    ],
    ids=str,
)
def test_attention(attention, said):
    with pytest.raises(ValueError, match=said):
        attended(SWIN, 'SwinBlock', attention)


@pytest.mark.parametrize(
    ('cfg', 'error', 'said'),
    [
        (dict(attention='ECA'), TypeError, "attention must be a dict .*got 'ECA'"),
        (dict(module='ResNet'), TypeError, "module must be a dict .*got 'ResNet'"),
        (dict(attention=dict(kernel_size=3)), ValueError, 'attention has no type'),
        (dict(module=dict(depth=18)), ValueError, 'module has no type'),
        (
            dict(attention=dict(type='WithAttention')),
            TypeError,
            'WithAttention is not the class of a module',
        ),
    ],
    ids=lambda value: None,
)
def test_configs_that_are_none(cfg, error, said):
    whole = dict(module=CSPNEXT, attention=dict(type='ECA'), at='CSPLayer')
    with pytest.raises(error, match=said):
        MODELS.build({**whole, **cfg, 'type': 'WithAttention'})


def test_unknown_attention():
    with pytest.raises(KeyError, match='EKA is not in the registry'):
        attended(SWIN, 'SwinBlock', 'EKA')


def test_a_second_one_at_a_place():
    inner = dict(
        type='WithAttention', module=CSPNEXT, attention=dict(type='ECA'), at='CSPLayer'
    )
    with pytest.raises(ValueError, match='stage1.1 .*it has attention already'):
        attended(inner, 'CSPLayer', 'SE')
    ours = dict(type='ECAResNet', depth=18)
    with pytest.raises(ValueError, match='duplicate plugin eca'):
        attended(ours, 'BasicBlock')


class Needy(nn.Module):
    """Does not run on the meta device, as operators without a kernel for it."""

    def __init__(self, in_channels: int = 3, fails: bool = False):
        super().__init__()
        self.part = nn.ModuleDict(dict(conv=nn.Conv2d(3, 8, 4, 4)))
        self.part.forward = self.part.conv.forward
        self.fails = fails

    def forward(self, x):
        if x.is_meta or self.fails:
            raise NotImplementedError('no kernel\nat all')
        return (self.part(x),)


def test_a_module_that_does_not_run_without_data_runs_on_the_cpu():
    model = attended(dict(type=Needy), 'stages')
    assert model.eca[0].conv.weight.shape == (1, 1, 3) and model.training


def test_a_module_that_does_not_run_at_all_is_named():
    MODELS.register_module(name='Needy', module=Needy, force=True)
    said = (
        'channels of Needy .* not run on images of 3 channels: NotImpl.*kernel at all'
    )
    with pytest.raises(ValueError, match=said):
        attended(dict(type='Needy'), 'stages', fails=True)
