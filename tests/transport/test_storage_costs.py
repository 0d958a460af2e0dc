"""Cost of storage sites by size and from wells."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdrsite.core.currency import convert
from cdrsite.core.errors import ConfigError
from cdrsite.transport.storage import BY_SIZE, SiteCosts, cost_by_size

EURO = convert(1.0, "EUR", 2020, 2020)


def test_published_sizes_come_out() -> None:
    for kind, expected in BY_SIZE.items():
        got = cost_by_size(kind, [1e6, 3e6, 5e6]) / EURO
        assert got == pytest.approx(expected)
    assert cost_by_size("onshore", [1e5, 1e8]) / EURO == pytest.approx([12.4, 6.4])
    assert cost_by_size("onshore", 1e6, 2024) == pytest.approx(12.4 * EURO * 125.2 / 105.4)


@given(kind=st.sampled_from(sorted(BY_SIZE)), injection=st.floats(1e4, 1e8))
def test_larger_sites_cost_less_per_tonne_and_more_in_all(kind: str, injection: float) -> None:
    small, large = cost_by_size(kind, np.array([injection, 1.2 * injection]))
    assert large <= small
    assert 1.2 * large > small * (1 - 1e-12)


def test_site_and_wells_by_hand() -> None:
    site = SiteCosts(50e6, 2e6, 10e6, 0.5e6, 1e6, per_tonne=1.0)
    assert site.wells([1.0, 1e6, 1.1e6, 3e6]).tolist() == [1, 1, 2, 3]
    # 5 + 2 for the site, 3 wells at 1 + 0.5 million a year, over 2.5 Mt
    assert site.cost(2.5e6, 0.1) == pytest.approx((7e6 + 4.5e6) / 2.5e6 + 1.0)


def test_bad_input() -> None:
    with pytest.raises(ConfigError, match="did you mean 'onshore'"):
        cost_by_size("on-shore", 1e6)
    with pytest.raises(ConfigError, match="injection"):
        cost_by_size("onshore", 0.0)
    with pytest.raises(ConfigError, match="negative"):
        SiteCosts(-1.0, 0, 0, 0, 1.0)
    with pytest.raises(ConfigError, match="well's injection"):
        SiteCosts(1.0, 0, 0, 0, 0.0)
