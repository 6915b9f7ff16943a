"""build/lambda.zip as Lambda unpacks it, in a root folder that has nothing else: no shell, no library, no configuration of a system."""

import os
import pathlib
import stat
import zipfile

from emulator import BOOTSTRAP, Answer, Function, rest_event

ZIP = pathlib.Path(BOOTSTRAP).parents[1] / "lambda.zip"
ENTER = ('mount -t proc proc "$1/proc" 2>/dev/null || mount --rbind /proc "$1/proc"; mount --rbind /dev "$1/dev"; '
         'exec /usr/sbin/chroot "$1" /var/task/bootstrap')


def unpacked(folder):
    """As Lambda does: files with their modes, readable for everybody."""
    with zipfile.ZipFile(ZIP) as packed:
        for entry in packed.infolist():
            mode = entry.external_attr >> 16
            assert stat.S_ISREG(mode) and mode & 0o444 == 0o444 and not mode & 0o022, (entry.filename, oct(mode))
            path = pathlib.Path(packed.extract(entry, folder))
            path.chmod(mode & 0o777)
    return folder


def test_the_zip_is_small_enough():
    with zipfile.ZipFile(ZIP) as packed:
        names = [entry.filename for entry in packed.infolist()]
        whole = sum(entry.file_size for entry in packed.infolist())
    assert {"bootstrap", "rowgate", "ca-certificates.crt", "lib/ld-linux-x86-64.so.2", "lib/libc.so.6",
            "lib/mysql/caching_sha2_password.so"} <= set(names)
    assert ZIP.stat().st_size < 50e6 and whole < 250e6
    print(f"\nlambda.zip: {ZIP.stat().st_size / 1e6:.1f} MB, {whole / 1e6:.1f} MB unpacked")


def test_it_runs_where_there_is_nothing_else(place, tmp_path):
    """Its rowgate.yaml lies beside it; the database is reached by address."""
    root = tmp_path / "root"
    for name in ("proc", "dev", "tmp", "var/task"):
        (root / name).mkdir(parents=True)
    task = unpacked(root / "var" / "task")
    (task / "rowgate.yaml").write_bytes((place.folder / "rowgate.yaml").read_bytes())
    environment = {name: value for name, value in place.environment.items() if name != "ROWGATE_CONFIG"}
    enter = ["unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", ENTER, "sh", str(root)]
    function = Function(environment, command=enter)
    place.functions.append(function)
    answer = Answer(function.invoke(rest_event("POST", "/v1/tables/jobs/loads", [("Content-Type", "text/csv")],
                                               (place.folder / "jobs.csv").read_bytes())))
    assert answer.status == 200 and answer.json["rows"]["accepted"] == 183, (answer, function.log)
    assert place.rows("jobs") == 183
    assert not os.listdir(root / "proc") and sorted(os.listdir(root)) == ["dev", "proc", "tmp", "var"]
