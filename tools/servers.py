"""Real database servers for the tests and for trying things by hand: MariaDB and PostgreSQL in a scratch folder, on free
ports of 127.0.0.1, with settings that are fast and forget nothing but a power cut.

    servers.py run COMMAND...   starts both, runs the command with their addresses in its environment, stops both
    servers.py serve            starts both, prints the addresses, stops both at Ctrl-C

TESTDB_MYSQL and TESTDB_POSTGRESQL are the addresses with user and database; the password, also of the user `admin`, who
may do everything, is in TESTDB_PASSWORD. TESTDB_CA is the certificate that the servers' own ones are signed with. The process ids are
in TESTDB_MYSQL_PID and TESTDB_POSTGRESQL_PID. A server that is missing or does not start is a failure.
"""

import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

USER, ADMIN, PASSWORD, DATABASE = "loader", "admin", "open sesame", "hr"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def program(name, *folders):
    found = shutil.which(name, path=os.pathsep.join([*folders, os.environ["PATH"], "/usr/sbin"]))
    if not found:
        sys.exit(f"{name} is missing; ./dev setup installs it")
    return found


def as_user(name):
    """Arguments of subprocess that give up the rights of root, which both servers refuse or should not have."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam(name)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def give_to(folder, name):
    if os.geteuid() == 0:
        for path in [folder, *folder.rglob("*")]:
            shutil.chown(path, name, name)


def checked(arguments, log, **more):
    done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **more)
    log.write_text(done.stdout or "")
    if done.returncode != 0:
        sys.exit(f"{arguments[0]} failed:\n{done.stdout}")


def make_certificates(folder):
    """A certificate authority and one certificate for 127.0.0.1, good for the life of the folder."""
    def openssl(*arguments):
        subprocess.run([program("openssl"), *arguments], cwd=folder, check=True, capture_output=True)

    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=rowgate tests")
    openssl("req", *new_key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "names", "-out", "server.pem")


class Server:
    """A server that runs; `stop` asks it politely first."""

    def __init__(self, arguments, log, environment=None, **more):
        self.log = log
        self.output = log.open("wb")
        self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output,
                                        env=environment, start_new_session=True, **more)

    def wait_for(self, is_up, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            if is_up():
                return
            time.sleep(0.05)
        self.stop()
        sys.exit(f"the server did not start:\n{self.log.read_text(errors='replace')[-4000:]}")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT if self.process.args[0].endswith("postgres") else signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.output.close()


def mariadb(folder):
    folder.mkdir()
    shutil.copytree(folder.parent / "tls", folder / "tls")
    give_to(folder, "mysql")
    data, sock, port = folder / "data", folder / "s", free_port()
    checked([program("mariadb-install-db"), "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal",
             "--skip-test-db"], folder / "install.log", **as_user("mysql"))
    server = Server([program("mariadbd"), "--no-defaults", f"--datadir={data}", f"--socket={sock}", f"--port={port}",
                     "--bind-address=127.0.0.1", f"--pid-file={folder / 'pid'}", "--skip-name-resolve", "--skip-log-bin",
                     "--innodb-flush-log-at-trx-commit=2", "--innodb-doublewrite=0", "--innodb-buffer-pool-size=192M",
                     "--performance-schema=OFF", "--local-infile=ON", "--max-connections=100",
                     f"--ssl-ca={folder / 'tls/ca.pem'}", f"--ssl-cert={folder / 'tls/server.pem'}",
                     f"--ssl-key={folder / 'tls/server.key'}"], folder / "log", **as_user("mysql"))

    def sql(text):
        return subprocess.run([program("mariadb"), "--no-defaults", f"--socket={sock}", "-uroot"], input=text, text=True,
                              capture_output=True, check=False)

    server.wait_for(lambda: sql("SELECT 1").returncode == 0)
    done = sql(f"CREATE DATABASE {DATABASE}; CREATE USER {USER}@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';"
               f"GRANT ALL ON `{DATABASE}%`.* TO {USER}@'127.0.0.1';"
               f"CREATE USER {ADMIN}@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'; GRANT ALL ON *.* TO {ADMIN}@'127.0.0.1' WITH GRANT OPTION;")
    if done.returncode != 0:
        sys.exit(done.stderr)
    return server, f"mysql://{USER}@127.0.0.1:{port}/{DATABASE}"


def postgresql(folder):
    folder.mkdir()
    shutil.copytree(folder.parent / "tls", folder / "tls")
    give_to(folder, "postgres")
    binaries = sorted(str(path) for path in pathlib.Path("/usr/lib/postgresql").glob("*/bin"))[-1:]
    data, port = folder / "data", free_port()
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(folder)}
    user = {**as_user("postgres"), "env": environment}
    checked([program("initdb", *binaries), "-D", str(data), "-U", "root", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8",
             "--no-sync"], folder / "install.log", **user)
    (data / "pg_hba.conf").write_text("local all root trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
    settings = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": folder, "fsync": "off",
                "full_page_writes": "off", "shared_buffers": "128MB", "max_wal_size": "1GB",
                "max_connections": 100, "ssl": "on", "ssl_cert_file": folder / "tls/server.pem",
                "ssl_key_file": folder / "tls/server.key"}
    arguments = [program("postgres", *binaries), "-D", str(data)]
    for name, value in settings.items():
        arguments += ["-c", f"{name}={value}"]
    server = Server(arguments, folder / "log", environment, **as_user("postgres"))

    def sql(text, database="postgres"):
        return subprocess.run([program("psql", *binaries), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", str(folder), "-p",
                               str(port), "-U", "root", "-d", database], input=text, text=True, capture_output=True,
                              check=False)

    server.wait_for(lambda: sql("SELECT 1").returncode == 0)
    done = sql(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}';\nCREATE DATABASE {DATABASE} OWNER {USER};\n"
               f"CREATE ROLE {ADMIN} LOGIN SUPERUSER PASSWORD '{PASSWORD}';\n")
    if done.returncode != 0:
        sys.exit(done.stderr)
    return server, f"postgresql://{USER}@127.0.0.1:{port}/{DATABASE}"


@contextlib.contextmanager
def running():
    """Both servers; gives the variables that tell where they are."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="rowgate-servers."))
    folder.chmod(0o711)
    servers = []
    try:
        (folder / "tls").mkdir()
        make_certificates(folder / "tls")
        variables = {"TESTDB_PASSWORD": PASSWORD, "TESTDB_CA": str(folder / "ca.pem")}
        shutil.copy(folder / "tls/ca.pem", folder / "ca.pem")
        for name, start in (("MYSQL", mariadb), ("POSTGRESQL", postgresql)):
            server, url = start(folder / name.lower())
            servers.append(server)
            variables |= {f"TESTDB_{name}": url, f"TESTDB_{name}_PID": str(server.process.pid)}
        yield variables
    finally:
        for server in servers:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def main():
    if len(sys.argv) < 2 or sys.argv[1] not in ("run", "serve") or (sys.argv[1] == "run" and len(sys.argv) < 3):
        sys.exit(__doc__)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    # What a shell starts with & ignores it, and so would all that is started here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with running() as variables:
        if sys.argv[1] == "run":
            return subprocess.run(sys.argv[2:], env={**os.environ, **variables}, check=False).returncode
        for name, value in variables.items():
            print(f"export {name}='{value}'", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main())
