"""Which browser the tests of the pages drive.

Chromium's headless shell, where it is installed: the same engine without the window that nobody looks at, for a third of the
processor's time. Otherwise the whole program.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

PLACES: Final = ("/usr/bin/chromium-headless-shell", "/usr/bin/chromium")
VARIABLE: Final = "SOGOC_TEST_CHROMIUM"
"""Names another program than the first of those that is there."""

CHROMIUM: Final = os.environ.get(VARIABLE) or next(
    (place for place in PLACES if Path(place).exists()), PLACES[-1]
)
