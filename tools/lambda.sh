# rowgate as a function of AWS Lambda: the folder build/lambda and build/lambda.zip, and the emulator of the tests. Sourced by ./dev.
# shellcheck shell=bash disable=SC2154,SC2153,SC2016

# The emulator's binary is a member of this package; the rest of it is not installed.
LAMBDA_EMULATOR=aws-sam-cli==1.170.0
LAMBDA_EMULATOR_SHA256=6b1e686e62ab2baf5759c412c4864276ef2a88b094fca53ec070637ccba9b9a5

# libraries_of FILE...: the paths of all shared libraries that they need, each once.
libraries_of() {
  ldd "$@" | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p; s/^\t\(\/[^ ]*ld-linux[^ ]*\) .*/\1/p' | sort -u
}

# What provided.al2023 runs: `bootstrap`, rowgate, its loader and libraries, the authentication plugins of MariaDB's client, the
# authorities, and infra/lambda/rowgate.yaml.
lambda_package() {
  local out=$PWD/build/lambda plugins library
  build_targets release rowgate
  plugins=$(mariadb_config --plugindir)
  rm -rf "$out" "$out.zip"
  mkdir -p "$out/lib/mysql"
  run_it clang-19 -std=gnu17 -Os -static -s -Wall -Wextra -Werror -o "$out/bootstrap" tools/lambda_bootstrap.c
  run_it strip -o "$out/rowgate" build/release/rowgate
  cp "$plugins"/{caching_sha2_password,client_ed25519,mysql_clear_password,sha256_password}.so "$out/lib/mysql/"
  while read -r library; do
    cp -L "$library" "$out/lib/"
  done < <(libraries_of build/release/rowgate "$out"/lib/mysql/*.so)
  cp /etc/ssl/certs/ca-certificates.crt "$out/"
  if [ -f infra/lambda/rowgate.yaml ]; then cp infra/lambda/rowgate.yaml "$out/"; fi
  chmod -R u+rwX,go+rX-w "$out"
  run_it "$PYTHON" tools/pack_zip.py "$out" "$out.zip"
  lambda_runs_alone "$out"
}

# Runs it in a root folder that has nothing else but /proc, /dev and /tmp, where this user may make one.
lambda_runs_alone() {
  local root
  root=$(mktemp -d "$SCRATCH/rowgate-root.XXXXXX")
  mkdir -p "$root"/{proc,dev,tmp,var/task}
  cp -R "$1/." "$root/var/task/"
  say "rowgate without this system's libraries"
  run_it unshare --mount --pid --fork --map-root-user --user sh -ec '
    mount -t proc proc "$1/proc" 2>/dev/null || mount --rbind /proc "$1/proc"
    mount --rbind /dev "$1/dev"
    exec /usr/sbin/chroot "$1" /var/task/bootstrap version' sh "$root"
  rm -rf --one-file-system "$root"
}

# The Lambda Runtime Interface Emulator, as build/tools/aws-lambda-rie.
lambda_emulator() {
  local bin=$PWD/build/tools/aws-lambda-rie scratch
  [ -x "$bin" ] && printf '%s  %s\n' "$LAMBDA_EMULATOR_SHA256" "$bin" | sha256sum --check --status && return
  say "fetching the Lambda emulator of the tests"
  scratch=$(mktemp -d "$SCRATCH/rowgate-rie.XXXXXX")
  run_it "$PYTHON" -m venv "$scratch/venv"
  run_it "$scratch/venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --only-binary :all: -d "$scratch" "$LAMBDA_EMULATOR"
  mkdir -p "${bin%/*}"
  "$PYTHON" - "$scratch" "$bin" <<'PYTHON'
import glob, sys, zipfile
wheel, = glob.glob(sys.argv[1] + "/aws_sam_cli*.whl")
open(sys.argv[2], "wb").write(zipfile.ZipFile(wheel).read("samcli/local/rapid/aws-lambda-rie-x86_64"))
PYTHON
  chmod 755 "$bin"
  rm -rf "$scratch"
  printf '%s  %s\n' "$LAMBDA_EMULATOR_SHA256" "$bin" | sha256sum --check --quiet
}
