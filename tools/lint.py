"""./dev lint: what a machine can check. `--fix` repairs formatting."""

import argparse
import collections
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
problems = []


def say(text):
    problems.append(text)
    print(text)


def tracked(*patterns):
    out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", *patterns], cwd=ROOT, check=True,
                         capture_output=True, text=True).stdout
    return [ROOT / line for line in out.splitlines() if (ROOT / line).exists()]


def sources():
    return tracked("src/*.h", "src/*.cc", "examples/*.h", "examples/*.cc")


def check_format(fix):
    files = [str(path) for path in sources()]
    flags = ["-i"] if fix else ["--dry-run", "--Werror"]
    done = subprocess.run(["clang-format-19", *flags, *files], cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        say(done.stderr + "formatting differs; ./dev lint --fix repairs it")


MOST_FILES = 50  # of one folder


def layer_table():
    """folder -> folders it may include, read from the table in docs/architecture.md. Of those that have rows, a row may name
    only what stands above it, so that no two lie on a cycle."""
    rows = re.findall(r"^\| `([\w/]+)` \| ([^|]*) \|", (ROOT / "docs/architecture.md").read_text(), re.MULTILINE)
    layers = {folder: set(re.findall(r"`([\w/]+)`", allowed)) for folder, allowed in rows}
    above = set()
    for folder, allowed in layers.items():
        for later in (allowed & set(layers)) - above:
            say(f"docs/architecture.md: `{folder}` may include `{later}`, whose row is not above")
        above.add(folder)
    return layers


def layers_of_tests(layers):
    """Tests are held to the first folders: those of db/mysql may include what any folder of db may, and all of db."""
    tops = {}
    for folder, allowed in layers.items():
        top = folder.split("/")[0]
        tops.setdefault(top, {top}).update(other.split("/")[0] for other in allowed)
    return tops


# A heavy header may be included by these folders only.
HEAVY = {
    r"sqlite3\.h": {"src/db/sqlite"},
    r"(mysql|errmsg|mysqld_error)\.h": {"src/db/mysql"},
    r"libpq-fe\.h": {"src/db/postgresql"},
    r"yaml-cpp/": {"src/config"},
    r"CLI/": {"src/cli"},
    r"re2/": {"src/table"},
    r"openssl/": {"src/io", "src/aws", "src/store", "src/http", "src/api", "src/db"},
    r"curl/": {"src/net"},
    r"boost/": {"src/http", "src/cli"},
    r"spdlog/": {"src/api"},
    r"prometheus/": {"src/api"},
    r"sodium\.h": {"src/keys", "src/load"},
    r"(zstd|isa-l/\S+)\.?h?": {"src/io"},
    r"simdjson\.h": {"src/table", "src/csv"},
    r"utf8proc\.h": {"src/report", "src/cli"},
}


INCLUDE = re.compile(r'\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')


def check_layers():
    layers = layer_table()
    tops = layers_of_tests(layers)
    folders = set(layers).union(*layers.values())
    files = collections.Counter()
    for path in sources():
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith("src/"):
            continue
        folder = name.removeprefix("src/").rpartition("/")[0]
        files[folder] += 1
        if folder not in layers:
            say(f"{name}: folder {folder} is not in the layer table of docs/architecture.md")
            continue
        is_test = re.search(r"_(test|bench|fuzz)\.cc$|/testing/|test_\w+\.h$", name)
        is_for_tests = is_test or name.endswith("testing.h")
        for number, line in enumerate(path.read_text().splitlines(), 1):
            include = INCLUDE.match(line)
            if not include:
                continue
            quoted, system = include.groups()
            other = (quoted or system).rpartition("/")[0]
            if quoted and other not in folders:
                say(f'{name}:{number}: "{quoted}" is in no folder of docs/architecture.md')
            elif other in folders and other not in layers[folder] | {folder}:
                if not is_for_tests or other.split("/")[0] not in tops[folder.split("/")[0]]:
                    say(f"{name}:{number}: {folder}/ may not include {other}/ (docs/architecture.md)")
            for pattern, allowed in HEAVY.items():
                if system and not is_test and re.match(pattern, system):
                    if not any(name.startswith(place + "/") for place in allowed):
                        say(f"{name}:{number}: <{system}> belongs to {', '.join(sorted(allowed))} only")
    for folder, count in files.items():
        if count > MOST_FILES:
            say(f"src/{folder}: {count} files; a folder has at most {MOST_FILES}")
    check_concrete_classes()


def check_concrete_classes():
    """Only app/wire.cc names implementations."""
    for path in sources():
        name = path.relative_to(ROOT).as_posix()
        if name == "src/app/wire.cc" or re.search(r"(_(test|bench|fuzz)\.cc|testing\.h)$", name):
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if re.match(r'#include "db/(sqlite|engines)/', line) and not name.startswith("src/db/"):
                say(f"{name}:{number}: only src/app/wire.cc picks a database")


CO_AWAIT = re.compile(r"co_await\b(?:(?!co_return)[^;{}])*?(\w\s*\{|\(\s*\{|,\s*\{|[(,\s]\[[&=\w])")


def check_co_await():
    """g++ 12 destroys a braced struct or a capturing lambda within a co_await expression twice."""
    for path in sources():
        text = re.sub(r"//[^\n]*", "", path.read_text())
        for found in CO_AWAIT.finditer(text):
            number = text.count("\n", 0, found.start()) + 1
            say(f"{path.relative_to(ROOT).as_posix()}:{number}: name the struct or lambda above this co_await")


def check_text():
    """ASCII in sources, no long lines, nothing of this machine."""
    for path in sources():
        name = path.relative_to(ROOT).as_posix()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if len(line) > 120 and 'R"(' not in line and not name.startswith("examples/"):  # text may be long
                say(f"{name}:{number}: longer than 120 columns")
            if not line.isascii() and not name.startswith("examples/") and "_test" not in name:
                say(f"{name}:{number}: not ASCII")


def check_errors_page():
    rowgate = ROOT / "build/release/rowgate"
    subprocess.run(["ninja", "-C", "build/release", "rowgate"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    page = subprocess.run([rowgate, "explain", "--markdown"], check=True, capture_output=True, text=True).stdout
    if (ROOT / "docs/errors.md").read_text() != page:
        say("docs/errors.md is not what `rowgate explain --markdown` prints; write it anew")


def check_shell():
    scripts = [str(path) for path in tracked("dev", ".ci/run", "*.sh")]
    done = subprocess.run(["shellcheck", "-x", *scripts], cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        say(done.stdout)


def sources_of_objects():
    """object file -> the project's sources and headers that it is made of, as the compiler found them."""
    listing = subprocess.run(["ninja", "-C", "build/release", "-t", "deps"], cwd=ROOT, check=True, capture_output=True, text=True)
    found = {}
    for block in listing.stdout.split("\n\n"):
        name, _, _ = block.partition(": ")
        paths = [os.path.normpath(ROOT / "build/release" / line.strip()) for line in block.splitlines()[1:]]
        found[name] = sorted(path for path in paths if path.startswith((f"{ROOT}/src/", f"{ROOT}/examples/")))
    return found


def units():
    """What the compiler reads as one for the libraries and rowgate itself, up to twelve sources of a folder: flags, file, object."""
    for entry in json.loads((ROOT / "build/release/compile_commands.json").read_text()):
        words = shlex.split(entry["command"])
        made = words[words.index("-o") + 1]
        if re.match(r"CMakeFiles/rowgate\w*\.dir/", made) and "cmake_pch" not in entry["file"]:
            yield words[next(i for i, word in enumerate(words) if "clang++" in word) + 1:words.index("-o")], entry["file"], made


def check_tidy():
    """clang-tidy on every source; its result is kept for the contents of a unit and its headers, so that a warm run is quick."""
    cache = ROOT / "build/tidy"
    cache.mkdir(parents=True, exist_ok=True)
    subprocess.run(["ninja", "-C", "build/release", "rowgate"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    parts = sources_of_objects()

    def one(unit):
        words, file, made = unit
        key = hashlib.sha256(" ".join(words).encode())
        for part in [ROOT / ".clang-tidy", *parts[made]]:
            key.update(hashlib.sha256(pathlib.Path(part).read_bytes()).digest())
        kept = cache / key.hexdigest()
        if kept.exists():
            return None
        done = subprocess.run(["clang-tidy-19", "--quiet", file, "--", *words], cwd=ROOT / "build/release", capture_output=True,
                              text=True)
        if done.returncode == 0:
            kept.touch()
            return None
        return done.stdout + done.stderr

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(one, list(units())):
            if found:
                say(found)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--fix", action="store_true")
    parser.add_argument("--only", choices=["format", "layers", "text", "errors", "shell", "tidy"])
    arguments = parser.parse_args()
    checks = {
        "format": lambda: check_format(arguments.fix),
        "layers": check_layers,
        "text": lambda: (check_text(), check_co_await()),
        "shell": check_shell,
        "errors": check_errors_page,
        "tidy": check_tidy,
    }
    for name, check in checks.items():
        if arguments.only in (None, name):
            print(f"lint: {name}", flush=True)
            check()
    if problems:
        sys.exit(f"lint: {len(problems)} problems")
    print("lint: nothing found")


main()
