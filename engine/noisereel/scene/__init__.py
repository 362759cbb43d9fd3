"""Scene files: from YAML to a frozen `Scene`. `load.py` runs the steps in order; `specs.py` holds the schema."""

from .areas import Cell
from .load import find_scene, load_scene, parse_scene
from .overrides import Override
from .plugin_specs import PluginSpecs
from .specs import (
    FilmSettings,
    InsetSettings,
    Layout,
    PanelSpec,
    RunFields,
    RunSpec,
    SceneDocument,
    SceneHeader,
    SceneSpec,
    SlowMotion,
    StartAt,
    TrainingSnapshots,
)

__all__ = [
    "Cell",
    "FilmSettings",
    "InsetSettings",
    "Layout",
    "Override",
    "PanelSpec",
    "PluginSpecs",
    "RunFields",
    "RunSpec",
    "SceneSpec",
    "SceneDocument",
    "SceneHeader",
    "SlowMotion",
    "StartAt",
    "TrainingSnapshots",
    "find_scene",
    "load_scene",
    "parse_scene",
]
