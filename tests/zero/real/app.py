"""``app.py`` with the real package ``spaces``, but for its part that needs a CUDA build of torch.

Without torch that part does nothing at all: no weights are taken over, and no device is set up.
"""

import runpy
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
modules: dict[str, Any] = sys.modules

sys.path.insert(0, str(ROOT))
modules["torch"] = None  # an import of it fails
import_module("spaces")
del modules["torch"]
runpy.run_path(str(ROOT / "app.py"), run_name="__main__")
