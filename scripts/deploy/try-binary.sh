#!/usr/bin/env bash
# Does this executable do its work on this machine? try-binary.sh FILE [COMMIT]. Starts it on the embedded engine, asks what the smoke
# test of the deployment plan asks, and stops it. With COMMIT: is it the one compiled in?
set -euo pipefail
binary=${1:?the executable}
commit=${2:-}
case "$binary" in */*) ;; *) binary=./$binary ;; esac

"$binary" version --json
if [ -n "$commit" ] && ! "$binary" version --json | grep -q "\"commit\": *\"$commit\""; then
  echo "the commit compiled in is not $commit" >&2
  exit 1
fi

"$binary" selftest

data=$(mktemp -d)
port=${PORT:-18453}
DATA_DIR=$data/database PORT=$port "$binary" serve > "$data/log" 2>&1 &
server=$!
# Tidying up decides nothing. Windows lets no file go before the program that has it open has ended.
tidy() {
  kill -KILL "$server" 2> /dev/null || true
  wait "$server" 2> /dev/null || true
  cat "$data/log" || true
  rm -rf "$data" || echo "$data could not be removed" >&2
}
trap tidy EXIT
url=http://127.0.0.1:$port
tries=0
until "$binary" healthcheck --ready --url "$url"; do
  tries=$((tries + 1))
  if [ "$tries" -ge 60 ] || ! kill -0 "$server"; then echo "it did not become ready" >&2; exit 1; fi
  sleep 1
done
curl --silent --show-error --fail "$url/health"
echo
curl --silent --show-error --fail --request POST --header 'Content-Type: application/json' \
  --data '{"text":"Production test entry","nickname":"Smokey"}' "$url/entries" | tee "$data/entry"
echo
grep -q '"nickname":"Smokey"' "$data/entry"
curl --silent --show-error --fail --output /dev/null "$url/swagger"

case "$(uname -s)" in
  # There is no SIGTERM on Windows.
  MINGW* | MSYS* | CYGWIN*) ;;
  *)
    kill -TERM "$server"
    status=0
    wait "$server" || status=$?
    if [ "$status" != 0 ]; then echo "it ended with $status after SIGTERM" >&2; exit 1; fi
    ;;
esac
echo "$binary works"
