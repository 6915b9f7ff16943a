"""Each message of a load in mode replace is lost once, before and after the database has it. A file of its own, since it takes long."""

import pytest
from test_undecided import lose_every_message, server, through  # noqa: F401


@pytest.mark.parametrize("place", ["postgresql"], indirect=True)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_every_message_may_be_lost(server, after):  # noqa: F811
    lose_every_message(server, "replace", after)
