# The image of deploy/Dockerfile, built by buildah and run by podman, both of which keep to build/container. Sourced by ./dev.
# shellcheck shell=bash disable=SC2154,SC2153

IMAGE_BASE=localhost/rowgate-base:bookworm
IMAGE=localhost/rowgate:test

# Settings with which both work as root where there is no systemd, no user session and no bridge: in CI, in a container.
container_settings() {
  local folder=$PWD/build/container runc
  runc=$(command -v runc || echo /usr/sbin/runc)
  mkdir -p "$folder"
  cat >"$folder/storage.conf" <<CONF
[storage]
driver = "overlay"
graphroot = "$folder/storage"
runroot = "$folder/run"
CONF
  cat >"$folder/containers.conf" <<CONF
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
netns = "host"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
[engine.runtimes]
runc = ["$runc"]
CONF
  export CONTAINERS_CONF=$folder/containers.conf CONTAINERS_STORAGE_CONF=$folder/storage.conf BUILDAH_ISOLATION=chroot
}

# Debian 12 from its packages, in place of debian:bookworm-slim: no registry is asked.
container_base() {
  local tar=build/container/base.tar
  podman image exists "$IMAGE_BASE" && return
  if [ ! -s "$tar" ]; then
    say "the base image, from Debian's packages"
    run_it mmdebstrap --quiet --format=tar --variant=minbase --include=ca-certificates bookworm "$tar.part"
    mv "$tar.part" "$tar"
  fi
  run_it podman import --quiet "$tar" "$IMAGE_BASE"
}

# Compiles rowgate inside; what ccache knows already is taken from its folder on this machine.
container_image() {
  local cache version log=build/container/build.log label=org.opencontainers.image
  cache=$(ccache --get-config cache_dir)
  version=$(sed -n 's/^project(rowgate VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
  mkdir -p "$cache"
  say "the image"
  if ! run_it buildah bud --format docker --layers --network host --pull-never --file deploy/Dockerfile --tag "$IMAGE" \
    --volume "$cache:/root/.cache/ccache" \
    --build-arg BASE="$IMAGE_BASE" --build-arg JOBS="$(nproc)" --label "$label.version=$version" \
    --label "$label.revision=$(git rev-parse HEAD)" --label "$label.created=$(git log -1 --format=%cI)" \
    --label "$label.base.digest=$(podman image inspect --format '{{.Digest}}' "$IMAGE_BASE")" . >"$log" 2>&1; then
    tail -n 60 "$log"
    exit 1
  fi
  printf 'image size: %s MB, of them %s MB base\n' "$(image_megabytes "$IMAGE")" "$(image_megabytes "$IMAGE_BASE")"
}

image_megabytes() { echo $(($(podman image inspect --format '{{.Size}}' "$1") / 1000000)); }

# Builds the image, runs it as deploy/ does, and plays tests/api to it; adds what passed to PASSED.
container_tests() {
  if [ "$(id -u)" -ne 0 ]; then
    printf 'the container tests need root: podman and buildah work here without a user session\n' >&2
    exit 1
  fi
  install "${CONTAINER_PACKAGES[@]}"
  container_settings
  container_base
  container_image
  say "the image, run read-only and without capabilities"
  ROWGATE_IMAGE=$IMAGE python_tests tests/container -s
}
