"""Systems as folders that work without their recipe: written by `dada export`, read wherever one is named."""

from dada.export.read import Exported, load_exported
from dada.storage.exported import is_exported

__all__ = ["Exported", "is_exported", "load_exported"]
