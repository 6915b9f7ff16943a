# Debian 12 packages: what the build needs, what `./dev setup` and the tests need beside, and what the slow tests need.
# Sourced by ./dev and deploy/Dockerfile.
# shellcheck shell=bash disable=SC2034
BUILD_PACKAGES=(
  # compiler and build
  clang-19 binutils cmake ninja-build ccache mold pkg-config
  # libraries
  libsqlite3-dev libyaml-cpp-dev nlohmann-json3-dev libcli11-dev libfmt-dev libre2-dev libisal-dev libzstd-dev
  libsimdjson-dev libutf8proc-dev libssl-dev libcurl4-openssl-dev libsodium-dev libboost1.81-dev libspdlog-dev
  prometheus-cpp-dev zlib1g-dev libmariadb-dev libpq-dev
  # libraries of the tests and benchmarks, which CMake looks for too
  libgtest-dev libgmock-dev librapidcheck-dev libbenchmark-dev
)
TEST_PACKAGES=(
  clang-tidy-19 clang-format-19 libclang-rt-19-dev llvm-19 g++
  sqlite3 zstd gzip time util-linux git ca-certificates
  curl openssl chromium slowhttptest mariadb-server mariadb-client postgresql-15
  python3 python3-venv python3-pytest python3-pytest-xdist python3-yaml python3-jsonschema shellcheck
)
CONTAINER_PACKAGES=(
  podman buildah runc crun mmdebstrap systemd
)
