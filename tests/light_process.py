"""How a process begins that a test starts for some modules of the package, and not for what its public door imports."""

from pathlib import Path

# The door registers models with transformers, whose import takes seconds.
LIGHT = f"""
import sys, types
toktts = sys.modules["toktts"] = types.ModuleType("toktts")
toktts.__path__ = [{str(Path(__file__).parent.parent / "toktts")!r}]
"""
