# Debian 12 packages that `./dev setup` installs. Sourced by ./dev.
# shellcheck shell=bash disable=SC2034
PACKAGES=(
  # compilers and build
  clang-19 clang-tidy-19 clang-format-19 libclang-rt-19-dev llvm-19 g++ cmake ninja-build ccache mold pkg-config
  # libraries
  libsqlite3-dev libyaml-cpp-dev nlohmann-json3-dev libcli11-dev libfmt-dev libre2-dev libisal-dev libzstd-dev
  libsimdjson-dev libutf8proc-dev libssl-dev libsodium-dev libboost1.81-dev libspdlog-dev prometheus-cpp-dev zlib1g-dev
  # tests, benchmarks, checks
  libgtest-dev libgmock-dev librapidcheck-dev libbenchmark-dev sqlite3 zstd gzip time util-linux git ca-certificates
  python3 python3-pytest python3-yaml python3-jsonschema shellcheck
)
