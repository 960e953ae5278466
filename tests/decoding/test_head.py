"""Rows of the head: the logits that the whole head gives, whatever it is made of."""

import numpy as np
import pytest
import torch

from ontune.decoding.head import Head


class Layer(torch.nn.Module):
    """A head that is no plain linear layer."""

    def __init__(self, inner: torch.nn.Linear) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return self.inner(hidden) * 2


class Model:
    """As much of a model as has a head; `asked` are the shapes that it was asked for whole."""

    def __init__(self, layer: torch.nn.Module) -> None:
        self.layer = layer
        self.asked: list[torch.Size] = []
        layer.register_forward_hook(lambda _, __, output: self.asked.append(output.shape))

    def get_output_embeddings(self) -> torch.nn.Module:
        return self.layer


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(("ids", "whole"), [(range(3, 90, 7), 0), (range(400), 1), ([99], 0)])
def test_rows_of_a_plain_head_are_computed_alone(dtype, bias, ids, whole) -> None:
    torch.manual_seed(0)
    model = Model(torch.nn.Linear(32, 1000, bias=bias).to(dtype))
    hidden = torch.randn(5, 32, dtype=dtype)
    found = Head(model)(hidden, np.array(ids, dtype=np.int64))
    assert len(model.asked) == whole
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, model.layer(hidden)[:, list(ids)].float())


def test_other_heads_are_asked_as_they_are() -> None:
    torch.manual_seed(0)
    model = Model(Layer(torch.nn.Linear(32, 1000)))
    hidden = torch.randn(5, 32)
    assert torch.equal(Head(model)(hidden, np.array([1, 999])), model.layer(hidden)[:, [1, 999]])


def test_the_precision_of_the_computation_is_autocasts() -> None:
    model = Model(torch.nn.Linear(32, 1000))
    hidden = torch.randn(5, 32)
    with torch.autocast("cpu", torch.bfloat16):
        found, whole = Head(model)(hidden, np.array([1, 999])), model.layer(hidden)[:, [1, 999]]
    torch.testing.assert_close(found, whole.float())
    assert not torch.equal(found, model.layer(hidden)[:, [1, 999]])
