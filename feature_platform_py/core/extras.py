"""The requirements of this package's extras, for the advice to install them: no index has the package itself."""

from __future__ import annotations

import re
from importlib.metadata import requires


def install_command(extra: str) -> str:
    """Return the command that installs what an extra of this package needs."""
    marked = [each.partition(";") for each in requires("feature-platform") or []]
    wanted = [text.strip() for text, _, marker in marked if re.search(rf"extra == ['\"]{extra}['\"]", marker)]
    return "python -m pip install " + " ".join(f"'{each}'" for each in wanted)
