#!/usr/bin/env bash
# Installs what building and testing Flotilla needs beside the Rust toolchain, and nothing that is already there.
# With --tests also what only the tests use: Python for a server that is not ours, curl.
# Debian and its kin get it by apt; elsewhere the script names what is missing and leaves the installing to you.
set -euo pipefail

MIN_RUST=1.95
# FFmpeg's libraries for the engine, clang for their bindings, nasm for rav1e; ffmpeg and ffprobe for the checks.
PACKAGES=(libavcodec-dev libavfilter-dev libavformat-dev libavutil-dev libswresample-dev libswscale-dev
  clang libclang-dev nasm pkg-config ffmpeg)
[ "${1:-}" = --tests ] && PACKAGES+=(python3-venv curl)

fail() {
  printf 'error: %s\n\nhint: %s\n' "$1" "$2" >&2
  exit 1
}

check_rust() {
  command -v cargo >/dev/null || fail "cargo is not installed" \
    "install Rust $MIN_RUST or newer from https://rustup.rs, then run this again"
  local version
  version=$(rustc --version | cut -d' ' -f2)
  printf '%s\n%s\n' "$MIN_RUST" "$version" | sort --version-sort --check=quiet ||
    fail "Rust $version is older than $MIN_RUST" "run: rustup update stable"
  command -v cc >/dev/null || fail "there is no C compiler" "install gcc or clang"
}

is_installed() {
  [ "$(dpkg-query --show --showformat '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

install_with_apt() {
  local missing=() package as_root=()
  for package in "${PACKAGES[@]}"; do
    is_installed "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "these packages are missing and you are not root: ${missing[*]}" \
      "as root, run: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  echo "Installing: ${missing[*]}"
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" \
    >/dev/null || fail "apt-get could not install: ${missing[*]}" "its own words are above"
}

# No package manager that we know: look for the things themselves.
check_by_hand() {
  local missing=() library tool
  for tool in pkg-config nasm clang ffmpeg ffprobe; do
    command -v "$tool" >/dev/null || missing+=("$tool")
  done
  for library in libavcodec libavfilter libavformat libavutil libswresample libswscale; do
    pkg-config --exists "$library" 2>/dev/null || missing+=("$library-headers")
  done
  [ ${#missing[@]} -eq 0 ] || fail "missing: ${missing[*]}" \
    "install them with your system's package manager; FFmpeg 5.1 or newer, with libx264, libsvtav1 and libopus"
}

check_rust
if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; then
  install_with_apt
else
  check_by_hand
fi
