# The S3 server of the tests. Sourced by ./dev.
# shellcheck shell=bash

# versitygw checks every signature and every time; built by Go, since Debian has none that does. About four minutes of
# two cores the first time, seconds when Go's cache has it.
S3_SERVER=github.com/versity/versitygw/cmd/versitygw@v1.8.0

s3_server() {
  local bin=$PWD/build/tools go
  [ -x "$bin/versitygw" ] && [ "$(cat "$bin/versitygw.from" 2>/dev/null)" = "$S3_SERVER" ] && return
  go=$(command -v go || command -v /usr/local/go/bin/go) || {
    printf 'Go 1.25 or later is needed to build the S3 server of the tests (%s)\n' "$S3_SERVER" >&2
    exit 1
  }
  say "building the S3 server of the tests"
  mkdir -p "$bin"
  # In a folder of its own: what stands in a go.mod above must not count.
  (cd "$bin" && GOBIN=$bin GOFLAGS=-trimpath run_it "$go" install "$S3_SERVER")
  printf '%s\n' "$S3_SERVER" >"$bin/versitygw.from"
}
