"""Networks draw the same weights in every test, and their figures do not depend on the cores."""

import pytest
import torch


@pytest.fixture(autouse=True)
def _same_weights(one_thread):
    torch.manual_seed(0)
