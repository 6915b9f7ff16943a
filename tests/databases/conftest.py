import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from places import Place, loaded_on_sqlite  # noqa: E402


@pytest.fixture(params=["mysql", "postgresql"])
def place(request, tmp_path):
    made = Place(request.param, tmp_path)
    yield made
    made.drop()


@pytest.fixture(params=["sqlite", "mysql", "postgresql"])
def any_place(request, tmp_path):
    made = Place(request.param, tmp_path)
    yield made
    made.drop()


@pytest.fixture
def on_sqlite(tmp_path):
    return loaded_on_sqlite(tmp_path / "sqlite")
