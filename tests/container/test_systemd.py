"""deploy/rowgate.service, as far as systemd judges a unit without running it."""

import pathlib
import re
import shutil
import subprocess

from podman import ROOT

UNIT = ROOT / "deploy/rowgate.service"


def test_the_unit_is_valid(tmp_path):
    """In a root folder of its own, which has systemd's targets and a program at the unit's place."""
    units, binaries = tmp_path / "etc/systemd/system", tmp_path / "usr/bin"
    units.mkdir(parents=True)
    binaries.mkdir(parents=True)
    shutil.copy("/bin/true", binaries / "rowgate")
    for path in [UNIT, *pathlib.Path("/usr/lib/systemd/system").glob("*.target")]:
        shutil.copy(path, units)
    done = subprocess.run(["systemd-analyze", "verify", f"--root={tmp_path}", UNIT.name], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_unit_is_closed_up():
    """systemd's exposure level: 0 is nothing at all, 10 everything."""
    done = subprocess.run(["systemd-analyze", "security", "--no-pager", "--offline=true", "--threshold=20", UNIT], capture_output=True,
                          text=True, check=False)
    level = re.search(r"Overall exposure level for rowgate.service: ([\d.]+)", done.stdout)
    assert level and done.returncode == 0, done.stdout + done.stderr
    print(f"exposure level {level[1]}")
    assert float(level[1]) <= 2.0
