#!/usr/bin/env bash
# Runs a command with a second, independent S3 server beside it: garage, alone on loopback over a temporary folder.
# The tests find it by FLOTILLA_TEST_S3_*. Who has set FLOTILLA_TEST_S3_ENDPOINT tests against that server instead.
# Without garage the command runs all the same, and this says loudly what was left out.
set -euo pipefail

skipped() {
  cat >&2 <<'NOTE'

*** SKIPPED: the tests against a second S3 server. Only the embedded one is tested. ***
    To run them (about ten minutes to build, once):
    cargo install garage@2.5.0 --locked --no-default-features --features bundled-libs,sqlite

NOTE
}

# A port that nobody listens on now; garage wants numbers, not zero.
free_port() {
  local port
  for _ in $(seq 50); do
    port=$((20000 + RANDOM % 20000))
    (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
  echo "error: no free port found for garage" >&2
  return 1
}

random_hex() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }

write_config() {
  cat >"$folder/garage.toml" <<CONFIG
metadata_dir = "$folder/meta"
data_dir = "$folder/data"
db_engine = "sqlite"
replication_factor = 1
rpc_bind_addr = "127.0.0.1:$(free_port)"
rpc_secret = "$(random_hex 32)"

[s3_api]
s3_region = "$FLOTILLA_TEST_S3_REGION"
api_bind_addr = "127.0.0.1:$port"
CONFIG
}

# Ready when its S3 port answers; the default bucket is made before that port opens.
wait_until_ready() {
  for _ in $(seq 300); do
    (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null && return 0
    kill -0 "$garage_pid" 2>/dev/null || break
    sleep 0.1
  done
  printf 'error: garage did not start\n\n' >&2
  cat "$folder/log" >&2
  return 1
}

stop() {
  [ -z "${garage_pid:-}" ] || { kill "$garage_pid" 2>/dev/null && wait "$garage_pid" 2>/dev/null; } || true
  rm -rf "$folder"
}

[ -z "${FLOTILLA_TEST_S3_ENDPOINT:-}" ] || exec "$@"
if ! command -v garage >/dev/null; then
  skipped
  status=0
  "$@" || status=$?
  skipped
  exit "$status"
fi

folder=$(mktemp -d)
trap stop EXIT
trap 'exit 130' INT TERM
port=$(free_port)
export FLOTILLA_TEST_S3_ENDPOINT="http://127.0.0.1:$port"
export FLOTILLA_TEST_S3_BUCKET=flotilla-test
export FLOTILLA_TEST_S3_REGION=garage
# The shapes that garage asks of keys: GK and 24 hex digits; 64 hex digits.
FLOTILLA_TEST_S3_ACCESS_KEY="GK$(random_hex 12)"
FLOTILLA_TEST_S3_SECRET_KEY=$(random_hex 32)
export FLOTILLA_TEST_S3_ACCESS_KEY FLOTILLA_TEST_S3_SECRET_KEY
write_config
GARAGE_DEFAULT_ACCESS_KEY=$FLOTILLA_TEST_S3_ACCESS_KEY GARAGE_DEFAULT_SECRET_KEY=$FLOTILLA_TEST_S3_SECRET_KEY \
  GARAGE_DEFAULT_BUCKET=$FLOTILLA_TEST_S3_BUCKET RUST_LOG=garage=warn \
  garage -c "$folder/garage.toml" server --single-node --default-bucket >"$folder/log" 2>&1 &
garage_pid=$!
wait_until_ready
echo "Second S3 server: $(garage --version 2>/dev/null | head -1) at $FLOTILLA_TEST_S3_ENDPOINT"
"$@"
