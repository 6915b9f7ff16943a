import pytest

import emulated


@pytest.fixture(scope="session")
def deployment():
    """All stacks but the pipeline, deployed once for all tests, with the stand-in as the function."""
    with emulated.deployed(emulated.STAND_IN) as made:
        print(f"\nseconds: {made.seconds}")
        yield made


@pytest.fixture(scope="session")
def rest_api():
    """(address, key) of the deployed REST API with rowgate itself behind it, beside the MariaDB of tools/servers.py."""
    with emulated.rowgate() as made:
        yield made.api_url(), made.api_key()
