"""The ``.cdr`` accessor on a dataset written out by hand."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr
from tiny_study import (
    ALLOCATED,
    LIMIT,
    METHODS,
    RULES,
    SHARE,
    WATER,
    tiny_dataset,
    tiny_grid,
    tiny_result,
)

import cdrsite.report.accessor  # noqa: F401  (registers .cdr)
from cdrsite.core.errors import ConfigError, GridError
from cdrsite.core.numbers import number
from cdrsite.core.states import OUTSIDE
from cdrsite.core.vocabulary import RESOURCES
from cdrsite.outputs.palette import STATE_COLOURS
from cdrsite.result.study_result import SHOWN

mpl.use("agg")

SOLID, FOREST = METHODS


@pytest.fixture
def dataset() -> xr.Dataset:
    return tiny_dataset(tiny_grid())


def centre(row: int, col: int) -> dict[str, float]:
    return {"x": float(tiny_grid().x[col]), "y": float(tiny_grid().y[row])}


def test_the_grid_comes_from_the_coordinates(dataset: xr.Dataset) -> None:
    assert dataset.cdr.grid == tiny_grid()
    assert dataset["cost"].cdr.grid == tiny_grid()
    part = dataset.isel(x=slice(1, 4), y=slice(1, 3)).cdr.grid
    assert part.bounds == (4_001_000, 3_001_000, 4_004_000, 3_003_000)
    with pytest.raises(GridError, match="even north-up grid"):
        _ = dataset.isel(y=slice(None, None, -1)).cdr.grid
    with pytest.raises(GridError, match="no 'spatial_ref'"):
        _ = dataset.drop_vars("spatial_ref").cdr.grid


def test_an_allowed_cell_says_what_limits_it(dataset: xr.Dataset) -> None:
    found = dataset.cdr.explain(**centre(0, 3))
    here = found.methods[SOLID]
    assert (here.state, here.limits) == ("allowed", "water")
    equal = here.equal_share
    assert equal.gross_t_yr == 30.0 and equal.net_t_yr == pytest.approx(24.0)
    assert equal.cost_usd_per_net_t == 250.0 and equal.available_share == 0.5
    assert equal.offered == 90.0 and equal.need_per_t == 3.0
    assert found.reasons == ()
    text = repr(found)
    assert "Limited by water: 90.0 m³/yr offered, 3.00 m³ needed per gross tonne." in text
    assert "Costs 250 USD per net tonne." in text and "Rules that exclude: none" in text
    assert "受限于水：供应 90.0 立方米/年" in repr(dataset.cdr.explain(**centre(0, 3), lang="zh"))


def test_excluded_unknown_outside_and_net_are_told_apart(dataset: xr.Dataset) -> None:
    states = {
        (1, 2): "excluded",
        (1, 4): "unknown",
        (0, 0): "outside the region",
        (2, 3): "net factor not positive",
    }
    for (row, col), state in states.items():
        assert dataset.cdr.explain(**centre(row, col)).methods[SOLID].state == state


def test_reasons_are_words_and_only_those_of_the_method(dataset: xr.Dataset) -> None:
    found = dataset.cdr.explain(**centre(2, 1))
    assert found.reasons == RULES[1:]
    assert found.methods[SOLID].reasons == RULES[1:]
    assert found.methods[FOREST].reasons == RULES[1:2]  # the third rule does not hold for it
    assert dict(found.methods[FOREST].lines) == {"State": "Excluded: steep, over 15°."}
    include = dataset.cdr.explain(**centre(2, 4))
    assert include.reasons == (RULES[0], "allowed again by an include rule")


def test_rules_without_names_are_still_reported(dataset: xr.Dataset) -> None:
    dataset.attrs.clear()
    assert dataset.cdr.explain(**centre(2, 1)).reasons == ("rule 1", "rule 2")


def test_longitude_and_latitude_find_the_same_cell(dataset: xr.Dataset) -> None:
    by_xy = dataset.cdr.explain(**centre(1, 3))
    again = dataset.cdr.explain(by_xy.lon, by_xy.lat)
    assert str(again.as_dict()) == str(by_xy.as_dict())  # nan is nan
    assert 5.5 < by_xy.lon < 5.7 and 50.0 < by_xy.lat < 50.1


def test_points_outside_or_ambiguous_are_refused(dataset: xr.Dataset) -> None:
    with pytest.raises(GridError, match="outside the grid"):
        dataset.cdr.explain(lon=100.0, lat=30.0)
    for point in ({}, {"lon": 5.5}, {"lon": 5.5, "lat": 50.0, "x": 1.0, "y": 2.0}):
        with pytest.raises(ConfigError, match="one point"):
            dataset.cdr.explain(**point)


def test_html_escapes_what_comes_from_the_user(dataset: xr.Dataset) -> None:
    dataset.attrs["exclusion_rules"] = ["<script>alert(1)</script>", "b", "c"]
    dataset.attrs["title"] = "<img src=x>"
    html = dataset.cdr.explain(**centre(1, 2))._repr_html_()
    assert "<script>" not in html and "&lt;script&gt;" in html
    shown = dataset.cdr._repr_html_()
    assert "<img src=x" not in shown and "&lt;img src=x&gt;" in shown


def test_totals_of_cells_add_up(dataset: xr.Dataset) -> None:
    gross = dataset.cdr.total("equal_share")
    assert gross.dims == ("removal_method",) and gross.attrs["units"] == "t/yr"
    assert gross.attrs["cell_methods"] == "area: sum"
    np.testing.assert_allclose(gross, [np.nansum(SHARE), 2 * np.nansum(SHARE)])
    net = dataset.cdr.total("equal_share_net", SOLID)
    assert net.dims == () and float(net) == pytest.approx(0.8 * np.nansum(SHARE))


def test_values_at_a_place_are_averaged_by_area() -> None:
    grid = tiny_grid("EPSG:4326")
    dataset = tiny_dataset(grid)
    mean = dataset.cdr.total("available", SOLID)
    share = dataset["available"].to_numpy()[0].astype(float)
    weight = np.where(np.isnan(share), 0, grid.row_areas[:, None])
    assert float(mean) == pytest.approx(np.nansum(share * weight) / weight.sum())
    assert float(mean) != pytest.approx(np.nanmean(share), rel=1e-5)  # rows differ in area
    assert mean.attrs["cell_methods"] == "area: mean"


def test_a_mean_cost_is_per_tonne(dataset: xr.Dataset) -> None:
    dataset["cost"][0] = dataset["cost"][0].where(LIMIT != WATER, 100.0)
    tonnes = np.nan_to_num(SHARE)
    expected = np.average(np.where(LIMIT == WATER, 100.0, 250.0), weights=tonnes)
    assert float(dataset.cdr.total("cost", SOLID)) == pytest.approx(expected)


def test_a_class_gives_areas(dataset: xr.Dataset) -> None:
    areas = dataset.cdr.total("limit", SOLID)
    assert areas.attrs["units"] == "km2"
    assert float(areas.sel(value="water")) == 4.0
    assert float(areas.sel(value="outside the region")) == (LIMIT == OUTSIDE).sum()
    assert float(areas.sum()) == LIMIT.size
    of_array = dataset["limit"].isel(removal_method=0).cdr.total()
    xr.testing.assert_identical(of_array, areas)


def test_shared_supplies_are_not_added_up(dataset: xr.Dataset) -> None:
    with pytest.raises(ConfigError, match="count it many times"):
        dataset.cdr.total("supply_water")


def test_wrong_names_say_what_there_is(dataset: xr.Dataset) -> None:
    with pytest.raises(ConfigError, match=r"got 'costs'; expected equal_share_net, .*cost"):
        dataset.cdr.total("costs")
    with pytest.raises(ConfigError, match="expected daccs-solid, afforestation"):
        dataset.cdr.total("cost", "beccs")
    with pytest.raises(ConfigError, match="which method"):
        dataset.cdr.plot("cost")
    with pytest.raises(ConfigError, match="a map has two dimensions"):
        dataset["cost"].cdr.plot()


def drawn_colours(ax: object) -> set[tuple[int, ...]]:
    """All colours that the images on an axes really show."""
    found = set()
    for image in ax.get_images():  # type: ignore[attr-defined]
        pixels = image.to_rgba(image.get_array(), bytes=True).reshape(-1, 4)
        found |= {tuple(int(v) for v in pixel) for pixel in pixels if pixel[3]}
    return found


def test_plots_show_units_and_states_in_words(dataset: xr.Dataset) -> None:
    import matplotlib.pyplot as plt
    from matplotlib.colors import to_rgb

    def rgba(colour: str) -> tuple[int, ...]:
        return (*(round(255 * v) for v in to_rgb(colour)), 255)

    try:
        ax = dataset.cdr.plot("cost", SOLID)
        assert ax.get_title() == "daccs-solid: levelised cost per net tonne"
        words = [text.get_text() for text in ax.get_legend().get_texts()]
        assert words == ["emits as much as it removes", "unknown", "excluded", "nothing fits"]
        labels = [a.get_ylabel() for a in ax.figure.axes]
        assert "levelised cost per net tonne [USD/t]" in labels
        assert rgba(STATE_COLOURS["excluded"]) in drawn_colours(ax)
        assert ax.get_xlabel() == "easting [km]"

        ax = dataset.cdr.plot("limit", SOLID)
        words = [text.get_text() for text in ax.get_legend().get_texts()]
        assert words == ["land", "water", "emits as much as it removes", "unknown", "excluded"]
        assert drawn_colours(ax) == {
            *(rgba(RESOURCES[name].colour) for name in words[:2]),
            *(rgba(STATE_COLOURS[name]) for name in ("net factor not positive", *words[3:])),
        }

        for name in ("net_removal", "plan_cost"):
            ax = dataset.cdr.plot(name)
            words = [text.get_text() for text in ax.get_legend().get_texts()]
            assert words == ["unknown", "excluded", "none in the plan"]
            grey = rgba(STATE_COLOURS["unknown"]), rgba(STATE_COLOURS["excluded"])
            assert set(grey) <= drawn_colours(ax)

        ax = dataset.cdr.plot("exclusion_reasons")
        words = [text.get_text() for text in ax.get_legend().get_texts()]
        again = "allowed again by an include rule"
        assert words == [RULES[0], "several rules", again, "not excluded"]
        assert len(drawn_colours(ax)) == 4

        _, given = plt.subplots()
        assert dataset.cdr.plot("pool_water", ax=given) is given
        assert len(given.get_legend().get_texts()) == 2
        net = dataset.cdr.plot("net_factor", SOLID)
        assert "emits as much as it removes" not in [
            text.get_text() for text in net.get_legend().get_texts()
        ]
        for ax in (
            dataset["cost"].isel(removal_method=0).cdr.plot(),
            dataset.cdr.plot("equal_share_net", FOREST),
        ):
            ax.figure.canvas.draw()
    finally:
        plt.close("all")


def test_the_accessor_works_on_what_a_run_wrote(tmp_path: Path) -> None:
    folder = tiny_result(tmp_path).write(tmp_path / "run")
    with xr.open_dataset(folder / "result.zarr", engine="zarr") as back:
        assert back.cdr.explain(**centre(2, 1)).reasons == RULES[1:]
        assert float(back.cdr.total("equal_share", SOLID)) == np.nansum(SHARE)
        shown = number(np.nansum(ALLOCATED) / 1e6)
        assert f"<td>{shown}</td>" in back.cdr._repr_html_()


def test_a_result_in_a_notebook_has_numbers_that_are_read(tmp_path: Path) -> None:
    """Thousands with a thin space, as everywhere, and no more columns than a page is wide."""
    result = tiny_result(tmp_path)
    result.tables["methods"]["land_km2"] = 12_400.0
    html = result._repr_html_()
    assert "<td>12\u202f400</td>" in html and not re.search(r"\de[+-]\d", html)
    heads = re.findall("<th>(.*?)</th>", html)
    assert "net_mt_yr" in heads and set(heads) <= set(SHOWN)
