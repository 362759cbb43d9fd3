"""Scene files: from YAML to a frozen `Scene`. `load.py` runs the steps in order; `specs.py` holds the schema."""

from .areas import Cell
from .load import SCENE_KEYS, build_plugin, changed, find_scene, load_scene, parse_scene, scene_from
from .nodes import Given
from .overrides import Override
from .plugin_specs import PluginSpecs
from .python_plugins import as_data, as_model, as_tensor
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
    "SCENE_KEYS",
    "Cell",
    "FilmSettings",
    "Given",
    "InsetSettings",
    "Layout",
    "Override",
    "PanelSpec",
    "PluginSpecs",
    "RunFields",
    "RunSpec",
    "SceneDocument",
    "SceneHeader",
    "SceneSpec",
    "SlowMotion",
    "StartAt",
    "TrainingSnapshots",
    "as_data",
    "as_model",
    "as_tensor",
    "build_plugin",
    "changed",
    "find_scene",
    "load_scene",
    "parse_scene",
    "scene_from",
]
