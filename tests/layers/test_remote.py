"""Inputs on other machines: fetched whole, kept, and never read in part. The server is local."""

from __future__ import annotations

import json
import shutil
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio.shutil
import xarray as xr
from loopback import Server, serving
from tiny_scenario import COLS, NORTH, ROWS, SCENARIO, WEST, write_world

from cdrsite.config.load import load_scenario, parse_scenario
from cdrsite.core.errors import (
    CdrsiteError,
    CdrsiteWarning,
    ConfigError,
    DataError,
    MissingDependencyError,
    MissingFileError,
)
from cdrsite.core.remote import address_of, addressed, local_copy, plain_address
from cdrsite.layers import remote, servers
from cdrsite.study.run import check_study, run

pytest.importorskip("aiohttp")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("CDRSITE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    (tmp_path / "files").mkdir()
    with serving(tmp_path / "files") as it:
        yield it


def fetched(server: Server, name: str, where: str = "layers.a.path") -> Path:
    path = local_copy(f"{server.address}/{name}")
    remote.fetch(path, where)
    return path


def test_addresses_and_places_of_copies_lead_to_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CDRSITE_CACHE_DIR", str(tmp_path))
    for given, plain in {
        "https://a.org/b/c d.tif": "https://a.org/b/c d.tif",
        "/vsicurl/https://a.org/b%20c.tif": "https://a.org/b%20c.tif",
        "/vsis3/bucket/key.zarr/": "s3://bucket/key.zarr",
        "http://a.org:8080/数据.tif": "http://a.org:8080/数据.tif",
    }.items():
        assert plain_address(given) == plain
        place = local_copy(plain)
        assert place.is_relative_to(tmp_path)
        assert address_of(place) == plain
    for wrong in (
        *("https://a.org/../b.tif", "https://a.org/%2e%2e/b.tif", "https://u:p@a.org/b.tif"),
        *("https://a.org/b.tif?token=1", "https://a.org/*.tif", "ftp://a.org/b.tif"),
        *("file:///etc/passwd", "/vsizip/a.zip", "https:///b.tif", "https://a.org", "https://[/b"),
    ):
        assert plain_address(wrong) is None
    assert address_of(Path("/somewhere/else.tif")) is None
    place = local_copy("https://a.org/b.tif")
    assert addressed(f"layers.a ({place}): bad") == "layers.a (https://a.org/b.tif): bad"


@pytest.mark.parametrize(
    ("address", "head", "said"),
    [
        ("https://a.org/b.tif", "", r"study.yaml:6: layers.slope.path: on another machine.*"
         r"got https://a.org/b.tif; cure: add allow_remote: true"),
        ("/vsicurl/https://a.org/b.tif", "", "allow_remote: true"),
        ("ftp://a.org/b.tif", "allow_remote: true\n", "expected https://HOST/PATH"),
        ("file:///data/b.tif", "", "not an address of a file"),
        ("https://a.org/b.tif?key=1", "allow_remote: true\n", "without user, query or pattern"),
        ("https://a.org/b.tif", "allow_remote: true\nconfine_paths: true\n", "confine_paths keeps"),
    ],
)  # fmt: skip
def test_nothing_is_fetched_unless_it_is_allowed(
    tmp_path: Path, address: str, head: str, said: str
) -> None:
    text = head + SCENARIO.replace("slope.tif", f"'{address}'")
    with pytest.raises(ConfigError, match=said):
        parse_scenario(text, tmp_path / "study.yaml")


def test_a_study_of_remote_inputs_is_that_of_local_ones(server: Server, tmp_path: Path) -> None:
    local = write_world(server.folder)
    gpd.read_file(server.folder / "parks.gpkg").to_crs(4326).to_file(server.folder / "parks.json")
    shutil.move(server.folder / "slope.tif", tmp_path / "slope.tif")
    rasterio.shutil.copy(tmp_path / "slope.tif", server.folder / "slope.tif", driver="COG")
    local.write_text(SCENARIO.replace("parks.gpkg", "parks.json"))
    here = run(load_scenario(local))
    text = "allow_remote: true\n" + SCENARIO.replace("parks.gpkg", "parks.json")
    for name in ("cover.tif", "residues.tif", "parks.json"):
        text = text.replace(f"path: {name}", f"path: {server.address}/{name}")
    text = text.replace("path: slope.tif", f"path: /vsicurl/{server.address}/slope.tif")
    gpd.read_file(server.folder / "basins.gpkg").to_file(server.folder / "basins.shp")
    text = text.replace("path: basins.gpkg", f"path: {server.address}/basins.shp, licence: CC0")
    study = tmp_path / "study.yaml"
    study.write_text(text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        there = run(load_scenario(study))
        for name in ("net_removal", "available", "exclusion_reasons", "supply_water"):
            np.testing.assert_array_equal(there.dataset[name], here.dataset[name])
        there.write(tmp_path / "out")
    assert not any(str(tmp_path / "cache") in text for text in there.warnings)
    assert any(f"{server.address}/slope.tif" in text for text in there.warnings)
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    entry = manifest["inputs"][f"{server.address}/cover.tif"]
    assert entry["bytes"] == (server.folder / "cover.tif").stat().st_size
    assert len(entry["sha256"]) == 64
    assert manifest["inputs"][f"{server.address}/basins.shp"]["licence"] == "CC0"
    assert f"{server.address}/basins.dbf" in manifest["inputs"]
    assert f"{server.address}/slope.tif" in manifest["inputs"]
    assert manifest["scenario"]["layers"]["cover"]["path"] == f"{server.address}/cover.tif"
    assert str(tmp_path / "cache") not in (tmp_path / "out" / "manifest.json").read_text()


def test_a_copy_is_used_until_the_server_has_another_version(server: Server) -> None:
    (server.folder / "a.geojson").write_text("one")
    copy = fetched(server, "a.geojson")
    assert copy.read_text() == "one"
    fetched(server, "a.geojson")
    assert server.got("/a.geojson") == 1
    (server.folder / "a.geojson").write_text("two")
    assert fetched(server, "a.geojson").read_text() == "two"
    assert server.got("/a.geojson") == 2
    copy.write_text("tw")  # as a full disk, or a hand, leaves it
    assert fetched(server, "a.geojson").read_text() == "two"
    server.plain = True  # what cannot be told apart is fetched each time
    (server.folder / "a.geojson").write_text("six")
    assert fetched(server, "a.geojson").read_text() == "six"
    (server.folder / "a.geojson").write_text("ten")
    assert fetched(server, "a.geojson").read_text() == "ten"


def test_an_earlier_copy_stands_in_for_a_server_that_is_away(server: Server) -> None:
    (server.folder / "a.tif").write_text("one")
    fetched(server, "a.tif")
    server.refuse["/a.tif"] = 503
    with pytest.warns(CdrsiteWarning, match=r"the server cannot give the file, so the copy of 20"):
        assert fetched(server, "a.tif").read_text() == "one"
    del server.refuse["/a.tif"]
    (server.folder / "a.tif").unlink()
    with pytest.raises(MissingFileError):
        fetched(server, "a.tif")


def test_what_goes_wrong_is_told_and_leaves_nothing(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.tif", "b.tif", "c.tif", "d.tif"):
        (server.folder / name).write_bytes(b"x" * 5000)
    server.refuse |= {"/a.tif": 403, "/b.tif": 500}
    server.cut["/c.tif"] = 3000
    server.silent.add("/d.tif")
    monkeypatch.setattr(servers, "READ_SECONDS", 0.3)
    for name, error, said in (
        ("a.tif", DataError, "does not let the file be read; got 403 Forbidden.*download"),
        ("b.tif", DataError, "cannot give the file; got 500.*try again later"),
        ("c.tif", DataError, "did not arrive whole.*try again later"),
        ("d.tif", DataError, "does not answer; got nothing for 0.3 s"),
        ("e.tif", MissingFileError, "has no such file; got 404 Not Found; cure: check the address"),
        ("f.vrt", DataError, "virtual raster on another machine"),
    ):
        with pytest.raises(error, match=rf"layers.a.path \(http.*{name}\): .*{said}"):
            fetched(server, name)
        place = local_copy(f"{server.address}/{name}")
        left = list(place.parent.iterdir()) if place.parent.exists() else []
        assert left == []


def test_a_server_that_is_not_there(server: Server) -> None:
    path = local_copy("http://127.0.0.1:9/a.tif")
    with pytest.raises(DataError, match=r"cannot be reached.*cure: try again later"):
        remote.fetch(path, "layers.a.path")


def test_a_shapefile_without_its_table_is_refused(server: Server) -> None:
    (server.folder / "a.shp").write_bytes(b"x")
    (server.folder / "a.shx").write_bytes(b"x")
    with pytest.raises(MissingFileError, match="404"):
        fetched(server, "a.shp")


def test_no_room_on_the_disk(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    (server.folder / "a.tif").write_bytes(b"x" * 5000)
    full = shutil._ntuple_diskusage(10**6, 10**6, 100)  # type: ignore[attr-defined]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    with pytest.raises(DataError, match=r"no room for a copy.*CDRSITE_CACHE_DIR"):
        fetched(server, "a.tif")


@pytest.mark.parametrize("missing", ["aiohttp", "fsspec"])
def test_a_library_that_is_not_installed(
    server: Server, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'cdrsite\[remote\]'"):
        fetched(server, "a.tif")


def cube(path: Path, version: int, *, consolidated: bool = True) -> Any:
    """A store whose second chunk was never written, as it holds fill values only."""
    values = np.full((ROWS, COLS), np.nan, np.float32)
    values[:, :4] = np.arange(ROWS * 4).reshape(ROWS, 4)
    data = xr.Dataset(
        {"rate": (("y", "x"), values, {"units": "t/ha/yr"})},
        {"y": NORTH - 500 - 1000.0 * np.arange(ROWS), "x": WEST + 500 + 1000.0 * np.arange(COLS)},
    )
    data["rate"].encoding = {"chunks": (ROWS, 4), "_FillValue": np.float32("nan")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data.to_zarr(path, zarr_format=version, consolidated=consolidated)
    return values


@pytest.mark.parametrize("version", [2, 3])
def test_a_zarr_store(server: Server, version: int) -> None:
    values = cube(server.folder / "a.zarr", version)
    chunks = [p for p in (server.folder / "a.zarr" / "rate").rglob("*") if p.is_file()]
    copy = fetched(server, "a.zarr")
    with xr.open_zarr(copy) as read:
        np.testing.assert_array_equal(read["rate"], values)
    assert len([p for p in (copy / "rate").rglob("*") if p.is_file()]) == len(chunks)
    before = len([one for one in server.asked if one[0] == "GET"])
    fetched(server, "a.zarr")
    again = len([one for one in server.asked if one[0] == "GET"]) - before
    assert again <= 2 + 1  # what describes it, and the fill value's chunk asked for in two ways
    chunk = next(p for p in chunks if p.name[:1].isdigit())
    server.cut[f"/a.zarr/{chunk.relative_to(server.folder / 'a.zarr').as_posix()}"] = 5
    chunk.write_bytes(chunk.read_bytes() + b" ")
    with pytest.raises(DataError, match="did not arrive whole"):
        fetched(server, "a.zarr")
    with xr.open_zarr(copy) as read:  # the earlier copy is as it was
        np.testing.assert_array_equal(read["rate"], values)


def test_a_zarr_store_that_cannot_be_listed(server: Server) -> None:
    cube(server.folder / "a.zarr", 3, consolidated=False)
    with pytest.raises(DataError, match=r"not consolidated.*consolidate_metadata"):
        fetched(server, "a.zarr")
    with pytest.raises(MissingFileError, match=r"neither zarr.json nor \.zmetadata"):
        fetched(server, "b.zarr")


def test_check_tells_of_every_input_that_cannot_be_had(server: Server, tmp_path: Path) -> None:
    write_world(server.folder)
    text = "allow_remote: true\n" + SCENARIO
    for name in ("cover.tif", "slope.tif"):
        text = text.replace(f"path: {name}", f"path: {server.address}/not-{name}")
    for name in ("residues.tif", "parks.gpkg", "basins.gpkg"):
        text = text.replace(f"path: {name}", f"path: {server.address}/{name}")
    study = tmp_path / "study.yaml"
    study.write_text(text)
    with pytest.raises(CdrsiteError) as error:
        check_study(load_scenario(study))
    assert "layers.cover.path" in str(error.value)
    assert "layers.slope.path" in str(error.value)
    assert str(tmp_path / "cache") not in str(error.value)


def test_buckets_of_s3(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("s3fs")
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.address)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    (server.folder / "bucket").mkdir()
    (server.folder / "bucket" / "a.tif").write_bytes(b"x" * 5000)
    values = cube(server.folder / "bucket" / "a.zarr", 3, consolidated=False)
    copy = local_copy("s3://bucket/a.tif")
    remote.fetch(copy, "layers.a.path")
    assert copy.read_bytes() == b"x" * 5000
    store = local_copy("s3://bucket/a.zarr")
    remote.fetch(store, "layers.a.path")
    with xr.open_zarr(store, consolidated=False) as read:
        np.testing.assert_array_equal(read["rate"], values)
    with pytest.raises(MissingFileError):
        remote.fetch(local_copy("s3://bucket/b.tif"), "layers.a.path")
    server.refuse["/bucket/a.tif"] = 403
    server.asked.clear()
    with pytest.raises(DataError, match="AWS_PROFILE"):
        remote.fetch(local_copy("s3://bucket/a.tif"), "layers.a.path")
