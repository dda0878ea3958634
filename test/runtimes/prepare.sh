#!/usr/bin/env bash
# Prepares what the end-to-end tests need of other languages, in .cache/ at the
# root of the repository:
#
#   .cache/python   virtual environment: moto server, awslambdaric, cfn-lint
#   .cache/node     aws-lambda-ric, which compiles C++ for about two minutes
#
# Prints nothing when both are up to date. A part that cannot be prepared is a
# loud skip and exit 0, or exit 1 when CI=true: there, nothing may be skipped.
# With --relock it renews constraints.txt and node/package-lock.json instead.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=$(cd "$here/../.." && pwd)/.cache
mkdir -p "$cache"

# skip PART REASON CURE: says what is missing, and fails the part.
skip() {
  printf '\n!!! SKIPPED: %s runtime of the end-to-end tests\n!!! why:  %s\n!!! cure: %s\n\n' "$1" "$2" "$3" >&2
  return 1
}

have() { command -v "$1" >/dev/null 2>&1; }

digest() { if have sha256sum; then sha256sum; else shasum -a 256; fi; }

# stamp WORD... FILE...: one line that changes when an input changes.
stamp() { { printf '%s\n' "$1" "$cache"; shift; cat -- "$@"; } | digest; }

current() { [ -f "$1/.stamp" ] && [ "$(cat "$1/.stamp")" = "$2" ]; }

# build PART: installs it with the output in a log file, of which a failure
# shows the end. In a process of its own, because set -e does not hold inside
# a function whose result is tested.
build() {
  local began=$SECONDS
  echo "preparing the $1 runtime in .cache/$1 (log: .cache/$1.log)" >&2
  if ! bash "${BASH_SOURCE[0]}" --install "$1" >"$cache/$1.log" 2>&1; then
    tail -n 25 "$cache/$1.log" >&2
    skip "$1" "the installation failed" "read .cache/$1.log"
    return 1
  fi
  echo "prepared the $1 runtime in $((SECONDS - began)) s" >&2
}

install_python() {
  rm -rf "$cache/python"
  python3 -m venv "$cache/python"
  "$cache/python/bin/python" -m pip install --disable-pip-version-check --no-input \
    --requirement "$here/requirements.txt" --constraint "$here/constraints.txt"
  "$cache/python/bin/python" -c 'import awslambdaric.bootstrap, cfnlint, moto.server'
}

prepare_python() {
  have python3 || { skip python "there is no python3" "install python3 and python3-venv"; return 1; }
  local want
  want=$(stamp "$(python3 -VV)" "$here/requirements.txt" "$here/constraints.txt" "${BASH_SOURCE[0]}")
  current "$cache/python" "$want" && return 0
  python3 -c 'import ensurepip, venv' 2>/dev/null ||
    { skip python "python3 cannot make virtual environments" "apt-get install python3-venv"; return 1; }
  build python || return 1
  echo "$want" >"$cache/python/.stamp"
}

install_node() {
  rm -rf "$cache/node"
  mkdir -p "$cache/node"
  cp "$here/node/package.json" "$here/node/package-lock.json" "$cache/node/"
  cd "$cache/node"
  # The headers beside an installed node spare node-gyp a download.
  local prefix
  prefix=$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")
  [ ! -f "$prefix/include/node/node.h" ] || export npm_config_nodedir=$prefix
  npm ci --no-audit --no-fund --loglevel=error --foreground-scripts
  rm -rf node_modules/aws-lambda-ric/deps # 150 MB of sources that are compiled now
  # The native part reads this variable when it is loaded.
  AWS_LAMBDA_RUNTIME_API=127.0.0.1:9 node -e 'require("./node_modules/aws-lambda-ric/dist/rapid-client.node")'
}

prepare_node() {
  have node && have npm || { skip node "there is no node or no npm" "install Node.js 20"; return 1; }
  local want missing=() tool
  want=$(stamp "$(node -v) $(uname -ms)" "$here/node/package.json" "$here/node/package-lock.json" "${BASH_SOURCE[0]}")
  current "$cache/node" "$want" && return 0
  for tool in cmake autoconf automake libtoolize make g++; do
    have "$tool" || missing+=("$tool")
  done
  [ ${#missing[@]} -eq 0 ] ||
    { skip node "aws-lambda-ric cannot be compiled without: ${missing[*]}" "apt-get install cmake autoconf automake libtool make g++"; return 1; }
  build node || return 1
  echo "$want" >"$cache/node/.stamp"
}

relock() {
  local fresh
  fresh=$(mktemp -d)
  trap 'rm -rf "$fresh"' EXIT
  python3 -m venv "$fresh/venv"
  "$fresh/venv/bin/pip" install --disable-pip-version-check --quiet --requirement "$here/requirements.txt"
  { echo '# Written by prepare.sh --relock.'; "$fresh/venv/bin/pip" freeze; } >"$here/constraints.txt"
  cp "$here/node/package.json" "$fresh/"
  (cd "$fresh" && npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved --no-audit --no-fund)
  cp "$fresh/package-lock.json" "$here/node/"
}

case "${1:-}" in
  --relock) relock; exit ;;
  --install) "install_$2"; exit ;;
esac

# Two test runs at once prepare once.
if have flock; then
  exec 9>"$cache/.lock"
  flock 9
fi

# Side by side: pip waits for the network, npm for the compiler.
prepare_python 9>&- & python_job=$!
prepare_node 9>&- & node_job=$!
status=0
wait "$python_job" || status=1
wait "$node_job" || status=1
[ "${CI:-}" = true ] || status=0
exit "$status"
