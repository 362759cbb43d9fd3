"""Scene files: from YAML to a frozen `Scene`. `load.py` leads the way; `specs.py` says what a scene may hold."""

from .areas import Cell
from .load import find_scene, load_scene, parse_scene
from .overrides import Override
from .specs import Cover, Film, Layout, PanelSpec, RunFields, RunSpec, Scene, Slow, Source, StartAt, Watched

__all__ = [
    "Cell",
    "Cover",
    "Film",
    "Layout",
    "Override",
    "PanelSpec",
    "RunFields",
    "RunSpec",
    "Scene",
    "Slow",
    "Source",
    "StartAt",
    "Watched",
    "find_scene",
    "load_scene",
    "parse_scene",
]
