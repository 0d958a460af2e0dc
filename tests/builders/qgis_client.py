"""Run by QGIS's own Python: opens a project, reports its layers, renders pictures.

Arguments: project, folder for pictures, "each" or "shown". One JSON document on standard output.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from qgis.core import (  # type: ignore[import-not-found]
    QgsApplication,
    QgsExpression,
    QgsExpressionContext,
    QgsExpressionContextUtils,
    QgsLayerTreeModel,
    QgsLayoutExporter,
    QgsLayoutItem,
    QgsMapRendererSequentialJob,
    QgsMapSettings,
    QgsProject,
)
from qgis.PyQt.QtCore import QSize  # type: ignore[import-not-found]

project_path, folder, what = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
application = QgsApplication([], False)
application.initQgis()
project = QgsProject.instance()
opened = project.read(project_path)


def picture(layers: list, name: str) -> None:
    settings = QgsMapSettings()
    settings.setLayers(layers)
    settings.setOutputSize(QSize(400, 300))
    settings.setDestinationCrs(project.crs())
    settings.setTransformContext(project.transformContext())
    extent = project.viewSettings().defaultViewExtent()
    settings.setExtent(extent)
    job = QgsMapRendererSequentialJob(settings)
    job.start()
    job.waitForFinished()
    job.renderedImage().save(str(folder / f"{name}.png"))


model = QgsLayerTreeModel(project.layerTreeRoot())


def legend(node) -> list:
    """What the panel of layers shows below a layer."""
    return [one.data(0) or one.userLabel() for one in model.layerLegendNodes(node)]


def told(layer) -> str:
    """The tip of a layer's first shape."""
    template = getattr(layer, "mapTipTemplate", str)()
    shape = next(layer.getFeatures(), None) if template else None
    if shape is None:
        return ""
    scopes = QgsExpressionContextUtils.globalProjectLayerScopes(layer)
    context = QgsExpressionContext(scopes)
    context.setFeature(shape)
    return QgsExpression.replaceExpressionText(template, context)


def edge(page) -> list:
    """How far the items of a page reach to the right and down [mm]."""
    held = [one for one in page.items() if isinstance(one, QgsLayoutItem) and one.id() != "page"]
    boxes = [one.mapRectToScene(one.rect()) for one in held]
    return [max(one.right() for one in boxes), max(one.bottom() for one in boxes)]


report = {
    "opened": opened,
    "title": project.title(),
    "crs": project.crs().isValid() and project.crs().toWkt(),
    "groups": [group.name() for group in project.layerTreeRoot().findGroups()],
    "themes": {
        name: project.mapThemeCollection().mapThemeVisibleLayerIds(name)
        for name in project.mapThemeCollection().mapThemes()
    },
    "ellipsoid": project.ellipsoid(),
    "abstract": project.metadata().abstract(),
    "pages": {
        page.name(): [
            one.text() for one in page.items() if type(one).__name__ == "QgsLayoutItemLabel"
        ]
        for page in project.layoutManager().printLayouts()
    },
    "layers": [],
    "edges": {},
}
for node in project.layerTreeRoot().findLayers():
    layer = node.layer()
    report["layers"].append(
        {
            "id": node.layerId(),
            "name": node.name(),
            "group": node.parent().name(),
            "valid": layer is not None and layer.isValid(),
            "same_crs": layer.crs() == project.crs(),
            "source": layer.source(),
            "spatial": layer.isSpatial(),
            "shown": node.itemVisibilityChecked(),
            "legend": legend(node),
            "abstract": layer.metadata().abstract(),
            "told": told(layer),
            "tip": layer.mapTipTemplate() if hasattr(layer, "mapTipTemplate") else "",
        }
    )
    if what == "each" and layer.isSpatial():
        picture([layer], node.layerId())
for number, page in enumerate(project.layoutManager().printLayouts()):
    kind = QgsLayoutExporter.ImageExportSettings()
    kind.dpi = 60
    QgsLayoutExporter(page).exportToImage(str(folder / f"page{number}.png"), kind)
    report["edges"][page.name()] = edge(page)
order = project.layerTreeRoot().checkedLayers()
picture(order, "shown")
sys.stdout.write("JSON" + json.dumps(report))
sys.stdout.flush()
os._exit(0)  # leaving in order crashes some versions of PyQGIS
