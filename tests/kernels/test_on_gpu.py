"""What needs a GPU: networks there against the plain ones in float64 on the CPU."""

import copy
import sys

import pytest
import torch
from ends import FORMATS
from mmdet.registry import MODELS
from mmengine.config import Config
from torch import nn

from eca_mm import kernels
from eca_mm.analysis.workload import Settings
from eca_mm.analysis.workloads import detector
from eca_mm.kernels import eca_norm_tail, eca_tail, quick_launch
from eca_mm.kernels.pool import channel_means

if not torch.cuda.is_available():
    pytest.skip('needs a GPU', allow_module_level=True)

PRECISIONS = {None: 0, 'float16': 1, 'bfloat16': 2}


@pytest.fixture(autouse=True)
def without_tf32(monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, 'allow_tf32', False)


@pytest.fixture
def calls(monkeypatch) -> list[str]:
    """Which ends the kernels computed."""
    found = []
    for module, name in ((eca_tail, 'eca_tail'), (eca_norm_tail, 'eca_normed_tail')):
        function = getattr(module, name)

        def counting(*args, name=name, function=function):
            found.append(name)
            return function(*args)

        monkeypatch.setattr(module, name, counting)
    return found


def network(depth: int, norm_eval: bool, **kwargs) -> nn.Module:
    torch.manual_seed(0)
    config = dict(depth=depth, base_channels=16, norm_eval=norm_eval, frozen_stages=-1)
    model = MODELS.build(dict(type='ECAResNet', **config, **kwargs))
    model.train()  # which the host lets return nothing
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.2)
    return model


def results(model: nn.Module, image: torch.Tensor, amp: str | None = None) -> list:
    model = copy.deepcopy(model)
    dtype = getattr(torch, amp) if amp else None
    with torch.autocast('cuda', dtype=dtype, enabled=amp is not None):
        outputs = model(image)
        loss = sum(x.double().square().mean() for x in outputs)
    loss.backward()
    found = [*outputs, *(p.grad for p in model.parameters()), *model.buffers()]
    return [x.detach().double().cpu() for x in found]


def error(found: list, exact: list) -> float:
    pairs = zip(found, exact, strict=True)
    return sum(float((a - b).norm() / b.norm().clamp(min=1e-12)) for a, b in pairs)


@pytest.mark.parametrize('layout', FORMATS)
@pytest.mark.parametrize('amp', PRECISIONS)
@pytest.mark.parametrize('norm_eval', [True, False])
@pytest.mark.parametrize(('depth', 'blocks'), [(18, 8), (50, 16)])
def test_a_network_errs_at_most_twice_as_much(
    depth, blocks, norm_eval, amp, layout, calls
):
    """Over outputs, gradients and running statistics, by default."""
    model = network(depth, norm_eval)
    image = torch.randn(4, 3, 96, 80)
    plain = network(depth, norm_eval, fused_tail=False)
    exact = results(plain.double(), image.double())
    plain, model = (
        m.float().cuda().to(memory_format=FORMATS[layout]) for m in (plain, model)
    )
    image = image.cuda().to(memory_format=FORMATS[layout])
    theirs = error(results(plain, image, amp), exact)
    assert not calls
    ours = error(results(model, image, amp), exact)
    assert calls == [('eca_tail' if norm_eval else 'eca_normed_tail')] * blocks
    # An input of a ReLU within rounding of zero may fall on either side: that moves the
    # gradients of all earlier layers, by 0.005 as seen with the plain operators, too.
    assert ours < 2 * theirs + 0.01 * len(exact)


@pytest.mark.parametrize('norm_eval', [True, False])
def test_compiled_equals_eager(norm_eval, calls):
    model = network(50, norm_eval).cuda()
    model.eval()
    image = torch.randn(2, 3, 64, 64, device='cuda')
    with torch.no_grad():
        expected = model(image)
        before = list(calls)
        found = torch.compile(model, dynamic=False)(image)
    assert calls == before  # these are left to torch.compile
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-3)


def test_a_cuda_graph_replays():
    """Training steps in one graph: nothing in them waits for the host."""
    model = network(50, norm_eval=False).cuda()
    image = torch.randn(2, 3, 64, 64, device='cuda')

    def step():
        loss = sum(x.square().mean() for x in model(image))
        loss.backward()
        return loss

    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        for _ in range(2):
            step()
    torch.cuda.current_stream().wait_stream(side)
    model.zero_grad()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        loss = step()
    graph.replay()
    first = loss.item()
    assert first > 0 and model.layer1[0].conv1.weight.grad.isfinite().all()


@pytest.mark.parametrize('amp', [False, True])
def test_a_training_step_of_a_detector(amp, repo, calls):
    """Its gradients are finite, those of the gates not zero, with mmcv's operators."""
    cfg = Config.fromfile(repo / 'configs/eca_mask_rcnn_r50.py')
    settings = Settings(device='cuda', batch=2, size=(320, 256), amp=amp)
    step = detector(cfg, settings)
    step.train()
    step.training_step()
    assert calls == ['eca_tail'] * 16
    grads = {n: p.grad for n, p in step.named_parameters() if p.grad is not None}
    assert all(grad.isfinite().all() for grad in grads.values())
    taps = [grad for name, grad in grads.items() if name.endswith('eca.conv.weight')]
    assert len(taps) == 13 and all(grad.any() for grad in taps)
    step.eval()
    step.inference()


def test_operators_of_mmcv(repo, monkeypatch):
    monkeypatch.syspath_prepend(repo / 'tools')
    from installer.calls import call_all

    call_all('cuda')
    assert 'installer.calls' in sys.modules


def test_launches_tell_versions_apart(monkeypatch):
    """Slices that begin elsewhere, and other types, as the first of them."""
    u = torch.randn(2, 8, 6, 5, device='cuda')
    for dtype in (torch.float32, torch.float16):
        for start in (0, 1, 0):
            flat = torch.randn(u.numel() + start, device='cuda', dtype=dtype)[start:]
            x = flat.view(u.shape)
            for _ in range(2):
                torch.testing.assert_close(channel_means(x), x.float().mean((2, 3)))
    assert quick_launch.versions
    before = dict(quick_launch.versions)
    channel_means(torch.randn(2, 8, 6, 5, device='cuda'))
    assert quick_launch.versions == before


def test_double_precision_is_left_to_torch(calls):
    model = network(18, norm_eval=True).cuda().double()
    model(torch.randn(2, 3, 64, 64, device='cuda').double())
    assert not calls and kernels.usable(torch.device('cuda', 0), torch.float32)
