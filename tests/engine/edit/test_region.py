from __future__ import annotations

import numpy as np
import torch

from wan_demo.engine.edit.region import hold, latent_mask


def test_a_latent_is_edited_where_any_of_its_pixels_is():
    mask = np.zeros((9, 32, 48), dtype=np.uint8)
    mask[0, 3, 3] = 255
    mask[6, 31, 40] = 200
    mask[7, 20, 20] = 100  # too faint
    found = latent_mask(mask, torch.zeros(1, 16, 3, 4, 6))
    assert found.shape == (1, 1, 3, 4, 6)
    assert found.nonzero().tolist() == [[0, 0, 0, 0, 0], [0, 0, 2, 3, 5]]


def test_outside_the_mask_the_source_stays():
    mask = torch.tensor([1.0, 0.0]).view(1, 1, 1, 1, 2)
    made, source = torch.full((1, 3, 1, 1, 2), 5.0), torch.full((1, 3, 1, 1, 2), 2.0)
    assert hold(made, source, mask)[0, 0, 0, 0].tolist() == [5.0, 2.0]
    assert hold(made, source, None) is made
