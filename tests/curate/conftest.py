"""Facts are remembered in a folder of the test, never in the user's own cache."""

import pytest


@pytest.fixture(autouse=True)
def cache_of_the_test(tmp_path, monkeypatch):
    monkeypatch.setenv("METAPHASE_CACHE", str(tmp_path / "cache"))
