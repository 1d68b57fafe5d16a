#!/usr/bin/env bash
# The first minute with Weir: fetches the default models, serves, asks `auto` one question through the public API, prints
# the streamed answer and what was decided, and keeps serving until Ctrl-C. `make run` builds and calls this.
#
#   tools/run.sh [what `weir serve` takes]
set -euo pipefail
cd "$(dirname "$0")/.."

question=${WEIR_QUESTION:-Write a Python function that says whether a year is a leap year. Only the code.}
fast=qwen2.5-coder:0.5b
later=(qwen2.5-coder:1.5b all-minilm:l6)
work=$(mktemp -d)
server=""
say() { echo "weir run: $*" >&2; }

finish() {
  trap - EXIT INT TERM
  if [ -n "$server" ] && kill -0 "$server" 2>/dev/null; then
    kill -TERM "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  if [ -n "${fetch:-}" ]; then kill "$fetch" 2>/dev/null || true; fi
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 0' INT TERM

tools/fetch_models "$fast"
tools/fetch_models "${later[@]}" > >(sed -u 's/^/[later] /' >&2) 2>&1 &
fetch=$!

# The first screen belongs to the answer; --log-level info shows what a server says by default.
WEIR_LOG_LEVEL=${WEIR_LOG_LEVEL:-warning} build/bin/weir serve "$@" >"$work/out" &
server=$!
for _ in $(seq 600); do
  if grep -q '^weir: ready on ' "$work/out"; then break; fi
  kill -0 "$server" 2>/dev/null || { wait "$server"; exit $?; }
  sleep 0.05
done
url=$(sed -n 's/^weir: ready on //p' "$work/out" | head -n 1)
if [ -z "$url" ]; then say "no ready line within 30 s; see the messages above"; exit 1; fi
say "ready on $url"
say "asking \`auto\` through $url/v1/chat/completions: $question"
echo

body=$(python3 -c 'import json, sys; print(json.dumps({"model": "auto", "stream": True, "max_tokens": 300,
  "messages": [{"role": "user", "content": sys.argv[1]}]}))' "$question")
if ! curl --silent --show-error --no-buffer --dump-header "$work/head" --header 'content-type: application/json' \
  --data-binary "$body" "$url/v1/chat/completions" | python3 tools/print_stream.py; then
  say "the question was not answered; the server keeps running"
fi
echo
say "the decision:"
grep -i '^x-weir-' "$work/head" | tr -d '\r' | sed 's/^/  /' >&2 || true
say "serving on $url until Ctrl-C; any OpenAI client works with base_url $url/v1"
wait "$server"
