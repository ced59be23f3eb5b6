"""Where the published files lie that tests may read: beside the checkout, never in it."""

from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[3] / "shared/data"

# The data of others is not part of this project, so a bare clone does not have it.
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="the published files are not beside this checkout"
)
