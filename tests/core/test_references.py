"""No file leads elsewhere: mosaics, files of another kind than their name, links, the network."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from tiny_scenario import write_raster, write_world

from cdrsite.config.load import load_scenario
from cdrsite.core.errors import ConfigError, DataError
from cdrsite.core.gdal import open_raster, require_own_numbers
from cdrsite.core.references import VECTOR_KINDS, files_of, require_vector, sources_of
from cdrsite.engine.record import input_files
from cdrsite.layers.featurefiles import read_vector
from cdrsite.layers.rasterfiles import open_raster as open_layer
from cdrsite.network.casefiles import read_tables

CRS = "<SRS>EPSG:3035</SRS><GeoTransform>4000000,1000,0,3006000,0,-1000</GeoTransform>"
OGR_VRT = """<OGRVRTDataSource><OGRVRTLayer name="secret"><SrcDataSource>{}</SrcDataSource>
<LayerSRS>EPSG:4326</LayerSRS></OGRVRTLayer></OGRVRTDataSource>"""
DRIVERS = (".gpkg", ".json", ".geojson", ".shp", ".fgb", ".kml")


def vrt(path: Path, *sources: str, relative: int = 1, extra: str = "", band: str = "") -> Path:
    """A mosaic of 8 x 6 cells of one source over the other."""
    parts = "".join(
        f'<SimpleSource><SourceFilename relativeToVRT="{relative}">{source}</SourceFilename>'
        "<SourceBand>1</SourceBand></SimpleSource>"
        for source in sources
    )
    path.write_text(
        f'<VRTDataset rasterXSize="8" rasterYSize="6">{CRS}{extra}'
        f'<VRTRasterBand dataType="Float32" band="1" {band}>{parts}</VRTRasterBand></VRTDataset>'
    )
    return path


def scenario(folder: Path, layer: str, **head: str) -> Any:
    """The scenario of a study with one layer."""
    more = "".join(f"{key}: {value}\n" for key, value in head.items())
    (folder / "s.yaml").write_text(
        f"name: s\ndata_folder: .\n{more}region: {{bounds: [6, 50, 7, 51]}}\n"
        f"layers: {{v: {{{layer}}}}}\nmethods: {{afforestation: {{gates: false}}}}\n"
    )
    return load_scenario(folder / "s.yaml")


@pytest.fixture
def inner(tmp_path: Path) -> Path:
    """The folder of a study; beside it lies what it must not see."""
    folder = tmp_path / "study"
    folder.mkdir()
    values = np.arange(48, dtype=np.float32).reshape(6, 8)
    write_raster(tmp_path / "secret.tif", values)
    write_raster(folder / "own.tif", values)
    (tmp_path / "secret.csv").write_text("lon,lat\n6,50\n")
    return folder


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """A server of this machine and what it was asked for."""
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        do_HEAD = do_GET  # noqa: N815 - the name that the library asks for

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as one:
        thread = threading.Thread(target=one.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{one.server_port}", asked
        one.shutdown()
        thread.join()


# ----------------------------------------------------------------------- mosaics that are read


def test_a_mosaic_of_a_mosaic_is_read_and_all_of_it_is_hashed(inner: Path) -> None:
    (inner / "deep").mkdir()
    vrt(inner / "deep" / "inner.vrt", "../own.tif")
    vrt(inner / "outer.tif", "deep/inner.vrt", "own.tif")  # whatever its name
    (inner / "own.tif.aux.xml").write_text("<PAMDataset></PAMDataset>")
    study = scenario(inner, "path: outer.tif, kind: intensive", confine_paths="true")
    source = open_layer(study.layers["v"], "v")
    assert source.read((0, 6), (0, 8))[0].tolist() == np.arange(48).reshape(6, 8).tolist()
    assert list(input_files(study)) == [
        "deep/inner.vrt", "outer.tif", "own.tif", "own.tif.aux.xml",
    ]  # fmt: skip


def test_a_source_that_changes_changes_the_hash(inner: Path) -> None:
    vrt(inner / "m.vrt", "own.tif")
    study = scenario(inner, "path: m.vrt, kind: intensive")
    before = input_files(study)
    write_raster(inner / "own.tif", np.ones((6, 8), np.float32))
    after = input_files(study)
    assert [name for name in before if before[name] != after[name]] == ["own.tif"]


# --------------------------------------------------------------------- what leads elsewhere


def elsewhere(kind: str, folder: Path, address: str) -> None:
    """Files of a study one of which leads out of its folder, in many ways."""
    secret = folder.parent / "secret.tif"
    inside = {
        "vrt": lambda: vrt(folder / "x.tif", "../secret.tif"),
        "absolute": lambda: vrt(folder / "x.tif", str(secret), relative=0),
        "nested": lambda: vrt(folder / "x.tif", vrt(folder / "y.img", "../secret.tif").name),
        "link": lambda: (folder / "x.tif").symlink_to(secret),
        "link in a mosaic": lambda: (
            (folder / "y.tif").symlink_to(secret), vrt(folder / "x.tif", "y.tif"),
        ),
        "companion": lambda: (
            shutil.copy(folder / "own.tif", folder / "x.tif"),
            (folder / "x.tif.ovr").symlink_to(secret),
        ),
        "folder": lambda: (
            (folder / "far").symlink_to(folder.parent), vrt(folder / "x.tif", "far/secret.tif"),
        ),
    }  # fmt: skip
    inside[kind]()


@pytest.mark.parametrize(
    "kind",
    ["vrt", "absolute", "nested", "link", "link in a mosaic", "companion", "folder"],
)
def test_confined_paths_confine_whatever_leads_out(kind: str, inner: Path) -> None:
    elsewhere(kind, inner, "")
    with pytest.raises(ConfigError, match=r"s\.yaml:5: layers\.v.*climbs out of the scenario's"):
        scenario(inner, "path: x.tif, kind: intensive", confine_paths="true")
    scenario(inner, "path: x.tif, kind: intensive")  # and without it all may be read


def test_links_inside_a_folder_are_confined_too(inner: Path) -> None:
    store = inner / "x.zarr"
    store.mkdir()
    (store / ".zgroup").write_text("{}")
    (store / "v").symlink_to(inner.parent)
    with pytest.raises(ConfigError, match="climbs out of the scenario's"):
        scenario(inner, "path: x.zarr, kind: intensive", confine_paths="true")


NETWORK = {
    "curl": "/vsicurl/{}/a.tif",
    "curl with options": "/vsicurl?url={}/a.tif",
    "s3": "/vsis3/bucket/a.tif",
    "address": "{}/a.tif",
    "vrt of an address": "vrt://{}/a.tif",
    "subdataset": 'NETCDF:"{}/a.nc":v',
    "document": "&lt;GDAL_WMS&gt;&lt;Service name='TMS'&gt;{}&lt;/Service&gt;&lt;/GDAL_WMS&gt;",
    "memory": "/vsimem/a.tif",
    "pipe": "/vsistdin/",
    "archive": "/vsizip/own.zip/a.tif",
}


@pytest.mark.parametrize("name", NETWORK)
@pytest.mark.parametrize("relative", [0, 1])
def test_no_mosaic_leads_to_the_network(
    name: str, relative: int, inner: Path, server: tuple[str, list[str]]
) -> None:
    address, asked = server
    vrt(inner / "x.tif", NETWORK[name].format(address), relative=relative)
    study = scenario(inner, "path: x.tif, kind: intensive")
    with pytest.raises(DataError, match=r"layers\.v .*virtual raster is not read; got the source"):
        open_layer(study.layers["v"], "v")
    with pytest.raises(ConfigError, match="virtual raster is not read"):
        scenario(inner, "path: x.tif, kind: intensive", confine_paths="true")
    assert asked == []


def metadata(domain: str, key: str) -> str:
    return f'<Metadata domain="{domain}"><MDI key="{key}">/etc/passwd</MDI></Metadata>'


WARP = "<GDALWarpOptions><SourceDataset>/etc/passwd</SourceDataset></GDALWarpOptions>"
OTHER_PARTS = {
    "warped": {"extra": WARP},
    "raw": {"band": 'subClass="VRTRawRasterBand"'},
    "program": {"band": 'subClass="VRTDerivedRasterBand"'},
    "geolocation": {"extra": metadata("GEOLOCATION", "X_DATASET")},
    "overviews": {"extra": metadata("OVERVIEWS", "OVERVIEW_FILE")},
    "group": {"extra": '<Group name="/"></Group>'},
}


@pytest.mark.parametrize("name", OTHER_PARTS)
def test_a_mosaic_of_anything_else_is_refused_in_words(name: str, inner: Path) -> None:
    vrt(inner / "x.tif", "own.tif", **OTHER_PARTS[name])  # type: ignore[arg-type]
    study = scenario(inner, "path: x.tif, kind: intensive")
    with pytest.raises(DataError, match=r"virtual raster is not read.*cure: write it out as a Geo"):
        open_layer(study.layers["v"], "v")


def test_entities_loops_and_broken_mosaics_end(inner: Path) -> None:
    path = inner / "x.vrt"
    path.write_text('<!DOCTYPE a [<!ENTITY b SYSTEM "/etc/passwd">]><VRTDataset>&b;</VRTDataset>')
    with pytest.raises(DataError, match="a document type"):
        list(sources_of(path, "here"))
    vrt(path, "x.vrt")
    with pytest.raises(DataError, match="mosaics within mosaics, 8 deep"):
        list(sources_of(path, "here"))
    path.write_text("<VRTDataset><VRTRasterBand>")
    with pytest.raises(DataError, match="no XML"):
        list(sources_of(path, "here"))
    vrt(path, "gone.tif")
    with pytest.raises(DataError, match=r"'gone\.tif', which is no file"):
        list(sources_of(path, "here"))


def test_a_part_that_is_no_raster_is_not_opened(inner: Path) -> None:
    """A document of GDAL's that leads to the network, as the part of a mosaic."""
    (inner / "wms.tif").write_text("<GDAL_WMS><Service name='TMS'></Service></GDAL_WMS>")
    vrt(inner / "x.vrt", "wms.tif")
    study = scenario(inner, "path: x.vrt, kind: intensive")
    with pytest.raises(DataError, match=r"cannot be read.*not recognized"):
        open_layer(study.layers["v"], "v")
    study = scenario(inner, "path: wms.tif, kind: intensive")
    with pytest.raises(DataError, match=r"cannot be read.*not recognized"):
        open_layer(study.layers["v"], "v")


@pytest.mark.parametrize("inside", [False, True])
def test_overviews_in_another_file_are_refused(inside: bool, inner: Path) -> None:
    path = inner / "own.tif"
    if inside:
        with rasterio.open(path, "r+") as file:
            file.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=str(inner.parent / "secret.tif"))
    else:
        (inner / "own.tif.aux.xml").write_text(
            '<PAMDataset><Metadata domain="OVERVIEWS"><MDI key="OVERVIEW_FILE">'
            "/vsicurl/http://127.0.0.1:9/a</MDI></Metadata></PAMDataset>"
        )
    with pytest.raises(DataError, match="names overviews in another file"):
        require_own_numbers(path, "here")


def test_a_raster_with_overviews_of_its_own_is_read(inner: Path) -> None:
    write_raster(inner / "big.tif", np.ones((600, 600), np.float32))
    with rasterio.Env(TIFF_USE_OVR="YES"), rasterio.open(inner / "big.tif", "r+") as file:
        file.build_overviews([2])
    assert (inner / "big.tif.ovr").is_file()
    require_own_numbers(inner / "big.tif", "here")
    assert [path.name for path in files_of(inner / "big.tif")] == ["big.tif", "big.tif.ovr"]
    with open_raster(inner / "big.tif") as found:
        assert found.overviews(1) == [2]


# ----------------------------------------------------------------------------------- vectors


@pytest.mark.parametrize("suffix", DRIVERS)
def test_a_document_that_leads_elsewhere_is_no_vector_file(
    suffix: str, inner: Path, server: tuple[str, list[str]]
) -> None:
    address, asked = server
    for target in ("../secret.csv", f"/vsicurl/{address}/a.geojson", f"WFS:{address}"):
        path = inner / f"x{suffix}"
        path.write_text(OGR_VRT.format(target))
        with pytest.raises(DataError, match=r"not what its ending says.*begins with"):
            read_vector(path, "layers.v")
    assert asked == []


def test_a_geopackage_of_a_network_case_is_one(inner: Path) -> None:
    (inner / "case.gpkg").write_text(OGR_VRT.format("../secret.csv"))
    with pytest.raises(DataError, match="not what its ending says"):
        read_tables(inner / "case.gpkg")


def test_coordinate_systems_are_not_fetched(inner: Path, server: tuple[str, list[str]]) -> None:
    address, asked = server
    document = {
        "type": "FeatureCollection",
        "crs": {"type": "link", "properties": {"href": f"{address}/crs", "type": "ogcwkt"}},
        "features": [
            {"type": "Feature", "properties": {},
             "geometry": {"type": "Point", "coordinates": [6.5, 50.5]}},
        ],
    }  # fmt: skip
    (inner / "x.geojson").write_text(json.dumps(document))
    with suppress(DataError):
        read_vector(inner / "x.geojson", "layers.v")
    assert asked == []


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".shp", ".fgb", ".kml", ".json"])
def test_real_files_of_every_kind_are_read(suffix: str, inner: Path) -> None:
    import geopandas as gpd
    import shapely

    frame = gpd.GeoDataFrame({"name": ["a"]}, geometry=[shapely.box(6, 50, 7, 51)], crs=4326)
    path = inner / f"x{suffix}"
    driver = {".json": "GeoJSON", ".kml": "KML"}.get(suffix)
    frame.to_file(path, driver=driver)
    require_vector(path, "here")
    assert len(read_vector(path, "layers.v")) == 1
    assert set(VECTOR_KINDS) >= {suffix}


def test_the_command_refuses_a_mosaic_to_the_network(
    call: Callable[..., Any], tmp_path: Path, server: tuple[str, list[str]]
) -> None:
    study = write_world(tmp_path)
    vrt(tmp_path / "slope.tif", f"/vsicurl/{server[0]}/a.tif")
    code, _, said = call("run", study, "--out", tmp_path / "out")
    assert code == 2 and "layers.slope" in said and "virtual raster is not read" in said
    assert server[1] == [] and not (tmp_path / "out").exists()
