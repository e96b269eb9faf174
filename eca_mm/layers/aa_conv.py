import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .register import plugin

MIN_HEAD_KEYS = 20  # the fewest key channels a head gets, section 4.1 of AA-Net


@plugin
class AAConv2d(nn.Module):
    """Attention-augmented convolution: convolution and self-attention, concatenated.

    Bello et al., "Attention Augmented Convolutional Networks", ICCV 2019, equations 1
    to 5, with its settings for ImageNet. A convolution layer of the host's registry:
    ``dcn=dict(type='AAConv2d')`` puts it in place of a block's 3x3. The attention holds
    (H*W)^2 values a head, so it is for the last stages of a detector.

    With a stride the queries, keys and values are strided like the convolution. Nothing
    is pooled before the attention: whether the paper does so on the 28x28 maps of its
    ResNets was not found in what could be read of it.

    Args:
        in_channels, out_channels, kernel_size, stride, padding, dilation, bias: As
            ``nn.Conv2d``'s; of the outputs, ``value_ratio`` come from the attention.
        num_heads: Heads of the attention.
        key_ratio: Key channels as a share of ``out_channels``, kappa.
        value_ratio: Value channels as a share of ``out_channels``, upsilon.
        size: Side of the feature map that the relative position encodings are kept
            for; on another side they are interpolated.

    Raises:
        ValueError: The output would not cover the positions of the input (stride
            aside), or ``out_channels`` leave none to the convolution.
    """

    _abbr_ = 'aa_conv'

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
        bias: bool = False,
        num_heads: int = 8,
        key_ratio: float = 0.2,
        value_ratio: float = 0.1,
        size: int = 14,
    ) -> None:
        super().__init__()
        if 2 * padding != dilation * (kernel_size - 1):
            raise ValueError(
                f'padding must be {dilation * (kernel_size - 1) / 2} for kernel_size '
                f'{kernel_size} and dilation {dilation}, got {padding}'
            )
        self.num_heads = num_heads
        head_keys = max(MIN_HEAD_KEYS, int(key_ratio * out_channels) // num_heads)
        head_values = max(1, int(value_ratio * out_channels) // num_heads)
        keys, values = num_heads * head_keys, num_heads * head_values
        if values >= out_channels:
            raise ValueError(
                f'out_channels must be above the {values} values of {num_heads} heads, '
                f'got {out_channels}'
            )
        self.channels = (keys, keys, values)
        self.conv = nn.Conv2d(
            in_channels, out_channels - values, kernel_size, stride, padding, dilation,
            bias=bias,
        )  # fmt: skip
        self.qkv = nn.Conv2d(in_channels, sum(self.channels), 1, stride, bias=bias)
        self.project = nn.Conv2d(values, values, 1, bias=bias)
        # Row o is the encoding of the offset o - (size - 1), shared by all heads.
        deviation = head_keys**-0.5
        self.relative_x = nn.Parameter(torch.randn(2 * size - 1, head_keys) * deviation)
        self.relative_y = nn.Parameter(torch.randn(2 * size - 1, head_keys) * deviation)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, out_channels, H', W') as a convolution's."""
        convolved = self.conv(x)
        height, width = convolved.shape[2:]
        # (N, heads * d, H, W) -> (N, heads, H * W, d)
        q, k, v = (
            part.unflatten(1, (self.num_heads, -1)).flatten(3).transpose(2, 3)
            for part in self.qkv(x).split(self.channels, 1)
        )
        bias = self.position_logits(q, height, width) * q.shape[-1] ** -0.5
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype))
        # (N, heads, H * W, d) -> (N, heads * d, H, W)
        attended = attended.transpose(2, 3).flatten(1, 2).unflatten(2, (height, width))
        return torch.cat([convolved, self.project(attended)], dim=1)

    def position_logits(self, q: Tensor, height: int, width: int) -> Tensor:
        """Products of each query with the encodings of each offset.

        Args:
            q: (N, heads, H * W, d).

        Returns:
            (N, heads, H * W, H * W), for query and key position.
        """
        q = q.unflatten(2, (height, width))
        along_x = torch.einsum('nhyxd,xud->nhyxu', q, offsets(self.relative_x, width))
        along_y = torch.einsum('nhyxd,yvd->nhyxv', q, offsets(self.relative_y, height))
        # (N, heads, y, x, v, u) -> (N, heads, H * W, H * W)
        both = along_y.unsqueeze(-1) + along_x.unsqueeze(-2)
        return both.flatten(4, 5).flatten(2, 3)


def offsets(table: Tensor, side: int) -> Tensor:
    """Encodings (side, side, d) of the offset from each position to each other.

    Args:
        table: (2 * size - 1, d); interpolated to 2 * side - 1 rows where sizes differ.
    """
    if side == 1:  # interpolation to one row would take the first, not the middle
        table = table[len(table) // 2, None]
    elif len(table) != 2 * side - 1:
        # (rows, d) -> (1, d, rows) and back: interpolate works on the last axis.
        table = F.interpolate(
            table.T[None], size=2 * side - 1, mode='linear', align_corners=True
        )[0].T
    positions = torch.arange(side, device=table.device)
    return table[positions[None] - positions[:, None] + side - 1]
