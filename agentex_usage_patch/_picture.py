"""A picture of what a command tells."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_WIDTH = 92
#: Rich's pictures ask the network for a font, and a picture here asks nobody.
_FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def can_be_drawn(file: str) -> bool:
    """Say whether a picture can be written into a file, and leave that as it is.

    To be asked before anything is done for the picture; what is wrong is printed.
    """
    path = Path(file)
    try:
        existed = path.exists()
        with path.open("ab"):
            pass
        if not existed:
            path.unlink()
    except (OSError, ValueError) as error:
        _refuse(file, error)
        return False
    return True


def draw(show: Callable[[Any], None], file: str) -> bool:
    """Draw what ``show`` prints to a console into an SVG file; say so where that fails."""
    from rich.console import Console
    from rich.terminal_theme import MONOKAI

    console = Console(record=True, width=_WIDTH, file=io.StringIO(), force_terminal=True,
                      color_system="standard", highlight=False)  # fmt: skip
    show(console)
    picture = console.export_svg(title="agentex-usage-patch verify", theme=MONOKAI,
                                 unique_id="agentex-usage-patch")  # fmt: skip
    try:
        Path(file).write_text(_FONT.sub("", picture), encoding="utf-8")
    except OSError as error:
        _refuse(file, error)
        return False
    return True


def _refuse(file: str, error: OSError | ValueError) -> None:
    why = error.strerror if isinstance(error, OSError) else error
    print(f"{file}: {why}. Give --svg a file that can be written, for instance: "
          "--svg verify.svg", file=sys.stderr)  # fmt: skip
