"""In inference the end of a block is written over the convolution's output."""

import pytest
import torch
from ends import DEVICE, FORMATS, inputs, relative
from test_tail import block

from eca_mm.kernels.eca_tail import eca_tail
from eca_mm.kernels.tail import gated_tail

ATTENTIONS = [dict(type='ECA', kernel_size=3), dict(type='SE', reduction=4)]


def ends_of(tensors):
    """Either end of u and identity, as a function of whether to overwrite u."""
    u, identity, taps, *norm = tensors
    factors = torch.randn(2, *u.shape[:2], device=u.device)
    return (
        lambda over: eca_tail(u, identity, taps, *norm, 1e-5, 2, over),
        lambda over: gated_tail(u, *factors, identity, over),
    )


@pytest.mark.parametrize('which', [0, 1], ids=['ECA', 'any gate'])
@pytest.mark.parametrize('layout', FORMATS)
def test_equals_a_new_tensor_and_is_in_the_memory_of_u(which, layout):
    """Tiles, the last not whole; where gradients count u is left alone."""
    tensors = inputs((2, 70, 9, 13), 5, torch.float32, layout)
    end, u = ends_of(tensors)[which], tensors[0]
    before = u.detach().clone()
    assert end(True).data_ptr() != u.data_ptr()
    with torch.no_grad():
        expected = end(False)
        assert torch.equal(u, before)
        found = end(True)
    assert torch.equal(found, expected)
    assert found.data_ptr() == u.data_ptr() and found.stride() == u.stride()


@pytest.mark.parametrize('attention', ATTENTIONS)
def test_a_block_overwrites_what_nobody_else_has(attention):
    """Not what a hook of the convolution keeps; the results are the same."""
    model, plain = block('triton', attention), block(False, attention)
    plain.load_state_dict(model.state_dict())
    x = torch.randn(2, 16, 5, 4, device=DEVICE)
    forward, outputs = torch.nn.Conv2d.forward, []

    def remembered(conv, value):
        outputs.append(forward(conv, value))
        return outputs[-1]

    with torch.no_grad(), pytest.MonkeyPatch.context() as patch:
        expected = plain(x)
        patch.setattr(torch.nn.Conv2d, 'forward', remembered)
        found = model(x)
        assert found.data_ptr() == outputs[-1].data_ptr()
        assert relative(found, expected) < 1e-5
        kept = []
        model.conv3.register_forward_hook(lambda *args: kept.append(args[2]))
        found = model(x)
        assert found.data_ptr() != kept[0].data_ptr()
        assert relative(found, expected) < 1e-5
    assert model(x).data_ptr() != kept[1].data_ptr()
