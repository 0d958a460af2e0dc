"""Run by QGIS's own Python: classes of layers as QGIS says and reads them in SLD.

Arguments: folder of a run, names of rasters, names of vector layers (both joined by commas). One
JSON document on standard output: name -> classes.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from qgis.core import (  # type: ignore[import-not-found]
    QgsApplication,
    QgsRasterLayer,
    QgsRenderContext,
    QgsVectorLayer,
)
from qgis.PyQt.QtXml import QDomDocument  # type: ignore[import-not-found]

run, rasters, vectors = Path(sys.argv[1]), sys.argv[2].split(","), sys.argv[3].split(",")
application = QgsApplication([], False)
application.initQgis()
report: dict = {}


def exported(layer) -> dict:
    """What QGIS itself makes of the style for QGIS (it reads SLD of vector layers only)."""
    assert layer.isValid()
    _, done = layer.loadDefaultStyle()
    assert done
    document = QDomDocument()
    said = layer.exportSldStyle(document, "")
    assert not said, said
    nodes = document.elementsByTagName("sld:ColorMap")
    classes = (nodes if nodes.count() else document.elementsByTagName("ColorMap")).at(0)
    entries, child = [], classes.firstChildElement()
    while not child.isNull():
        entries.append([child.attribute(key) for key in ("label", "color", "quantity")])
        child = child.nextSiblingElement()
    return {"type": classes.toElement().attribute("type"), "entries": entries}


def read(layer, path: Path) -> list:
    """Classes of a vector layer that QGIS reads from SLD."""
    assert layer.isValid(), path
    said, done = layer.loadSldStyle(str(path))
    assert done, (str(path), said)
    layer.renderer().startRender(QgsRenderContext(), layer.fields())
    return [
        [item.label(), item.symbol().color().name().upper()]
        for item in layer.renderer().legendSymbolItems()
        if item.symbol() is not None
    ]


for name in rasters:
    path = run / "rasters" / f"{name}.tif"
    report[name] = exported(QgsRasterLayer(str(path), name))
for name in vectors:
    layer = QgsVectorLayer(f"{run / 'cdrsite.gpkg'}|layername={name}", name, "ogr")
    report[name] = read(layer, run / "styles" / f"{name}.sld")
sys.stdout.write("JSON" + json.dumps(report))
sys.stdout.flush()
os._exit(0)  # leaving in order crashes some versions of PyQGIS
