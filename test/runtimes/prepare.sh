#!/usr/bin/env bash
# Prepares what the end-to-end tests need of other languages, in .cache/ at the
# root of the repository:
#
#   .cache/python   virtual environment: moto server, awslambdaric, cfn-lint
#   .cache/node     aws-lambda-ric, which compiles C++ for about two minutes
#   .cache/clients  published clients of other extensions, for test/conformance
#   .cache/dynamodb DynamoDB Local: 51 MB of jars, each checked against a sum
#   .cache/java     the Java function and its runtime interface client
#   .cache/rust     the Rust function and the Rust programs of test/foreign:
#                   a minute or two of compilation
#   .cache/foreign  published extensions of others, for test/foreign
#   .cache/openapi  checkers of the API description and generators of clients,
#                   for test/openapi
#   .cache/axe      axe-core, which judges the live page in test/page
#   .cache/loggers  the loggers of test/loggers: pip, npm, Maven and cargo packages
#   .cache/powertools  Powertools for Python (in python/) and for TypeScript (in
#                   node_modules/), whose work the extension does without code
#   .cache/deploy   deployment tools for test/deploy: aws, sam, CDK, Serverless, Pulumi
#
# Prints nothing when all are up to date. A part that cannot be prepared is a
# loud skip and exit 0, or exit 1 when CI=true: there, nothing may be skipped.
# With --relock it renews constraints.txt, Cargo.lock.in and the package-lock.json
# and SHA256SUMS files instead.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=$(cd "$here/../.." && pwd)/.cache
clients=$(cd "$here/../conformance/node" && pwd)
foreign=$(cd "$here/../foreign" && pwd)
loggers=$(cd "$here/../loggers" && pwd)
deploy=$(cd "$here/../deploy/tools" && pwd)
mkdir -p "$cache"

# skip PART REASON CURE: says what is missing, and fails the part.
skip() {
  printf '\n!!! SKIPPED: %s runtime of the end-to-end tests\n!!! why:  %s\n!!! cure: %s\n\n' "$1" "$2" "$3" >&2
  return 1
}

have() { command -v "$1" >/dev/null 2>&1; }

digest() { if have sha256sum; then sha256sum; else shasum -a 256; fi; }

# stamp WORD FILE...: one line that changes when an input changes. The word
# holds the text of the part's own installer, so that a change to one part
# leaves the others alone.
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
  want=$(stamp "$(python3 -VV) $(declare -f install_python)" "$here/requirements.txt" "$here/constraints.txt")
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
  want=$(stamp "$(node -v) $(uname -ms) $(declare -f install_node)" "$here/node/package.json" "$here/node/package-lock.json")
  current "$cache/node" "$want" && return 0
  for tool in cmake autoconf automake libtoolize make g++; do
    have "$tool" || missing+=("$tool")
  done
  [ ${#missing[@]} -eq 0 ] ||
    { skip node "aws-lambda-ric cannot be compiled without: ${missing[*]}" "apt-get install cmake autoconf automake libtool make g++"; return 1; }
  build node || return 1
  echo "$want" >"$cache/node/.stamp"
}

install_clients() {
  rm -rf "$cache/clients"
  mkdir -p "$cache/clients"
  cp "$clients/package.json" "$clients/package-lock.json" "$cache/clients/"
  cd "$cache/clients"
  npm ci --no-audit --no-fund --loglevel=error --ignore-scripts
}

prepare_clients() {
  have node && have npm || { skip clients "there is no node or no npm" "install Node.js 20"; return 1; }
  local want
  want=$(stamp "$(node -v) $(declare -f install_clients)" "$clients/package.json" "$clients/package-lock.json")
  current "$cache/clients" "$want" && return 0
  build clients || return 1
  echo "$want" >"$cache/clients/.stamp"
}

# jars PART DIRECTORY: the library that the part's pom.xml names and what that
# one needs.
jars() {
  mvn --batch-mode --quiet --file "$here/$1/pom.xml" \
    org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$2"
}

install_dynamodb() {
  rm -rf "$cache/dynamodb"
  mkdir -p "$cache/dynamodb"
  jars dynamodb "$cache/dynamodb/lib"
  cd "$cache/dynamodb/lib"
  sha256sum --check --quiet --strict "$here/dynamodb/SHA256SUMS"
}

prepare_dynamodb() {
  have java && have mvn || { skip dynamodb "there is no java or no mvn" "apt-get install openjdk-17-jdk-headless maven"; return 1; }
  local want
  want=$(stamp "$(uname -ms) $(declare -f jars install_dynamodb)" "$here/dynamodb/pom.xml" "$here/dynamodb/SHA256SUMS")
  current "$cache/dynamodb" "$want" && return 0
  build dynamodb || return 1
  echo "$want" >"$cache/dynamodb/.stamp"
}

install_java() {
  rm -rf "$cache/java"
  mkdir -p "$cache/java/classes"
  jars java "$cache/java/lib"
  cd "$cache/java/lib"
  sha256sum --check --quiet --strict "$here/java/SHA256SUMS"
  javac -Xlint:all -Werror -d ../classes -cp '*' "$here/java/Function.java"
}

prepare_java() {
  have javac && have mvn || { skip java "there is no javac or no mvn" "apt-get install openjdk-17-jdk-headless maven"; return 1; }
  local want
  want=$(stamp "$(javac -version) $(declare -f jars install_java)" "$here"/java/{pom.xml,SHA256SUMS,Function.java})
  current "$cache/java" "$want" && return 0
  build java || return 1
  echo "$want" >"$cache/java/.stamp"
}

# The target folder stays, so that a change to a program costs seconds. The
# lock file names no registry: cargo fills in the one it is set up with.
install_rust() {
  mkdir -p "$cache/rust"
  cd "$here/rust"
  local source
  rm -f Cargo.lock
  cargo generate-lockfile --quiet
  source=$(grep -m1 '^source = ' Cargo.lock)
  sed "s|^source = \"registry\"\$|$source|" Cargo.lock.in >Cargo.lock
  CARGO_TARGET_DIR=$cache/rust/target cargo build --locked --release --workspace
  cp "$cache"/rust/target/release/{bootstrap,foreign-rust,graceful} "$cache/rust/"
}

prepare_rust() {
  have cargo || { skip rust "there is no cargo" "install Rust 1.84 or newer"; return 1; }
  local want
  want=$(stamp "$(cargo -V) $(declare -f install_rust)" \
    "$here"/rust/{Cargo.toml,Cargo.lock.in,src/*.rs} "$foreign"/rust/{Cargo.toml,src/*.rs})
  current "$cache/rust" "$want" && return 0
  build rust || return 1
  echo "$want" >"$cache/rust/.stamp"
}

install_foreign() {
  rm -rf "$cache/foreign"
  mkdir -p "$cache/foreign"
  python3 -m venv "$cache/foreign/venv"
  "$cache/foreign/venv/bin/python" -m pip install --disable-pip-version-check --no-input --no-deps --require-hashes \
    --target "$cache/foreign/python" --requirement "$foreign/python/requirements.txt"
  rm -rf "$cache/foreign/venv"
  cp "$foreign/node/package.json" "$foreign/node/package-lock.json" "$cache/foreign/"
  cd "$cache/foreign"
  npm ci --no-audit --no-fund --loglevel=error --ignore-scripts
  python3 -m zipfile -e node_modules/@serverless/aws-lambda-otel-extension-dist/extension.zip opt
}

prepare_foreign() {
  have node && have npm && python3 -c 'import ensurepip, venv' 2>/dev/null ||
    { skip foreign "there is no node, no npm or no python3 with venv" "install Node.js 20; apt-get install python3-venv"; return 1; }
  local want
  want=$(stamp "$(node -v) $(declare -f install_foreign)" "$foreign/python/requirements.txt" "$foreign"/node/package{,-lock}.json)
  current "$cache/foreign" "$want" && return 0
  build foreign || return 1
  echo "$want" >"$cache/foreign/.stamp"
}

install_openapi() {
  rm -rf "$cache/openapi"
  mkdir -p "$cache/openapi"
  python3 -m venv "$cache/openapi/python"
  "$cache/openapi/python/bin/python" -m pip install --disable-pip-version-check --no-input \
    --requirement "$here/openapi/requirements.txt" --constraint "$here/openapi/constraints.txt"
  cp "$here/openapi/package.json" "$here/openapi/package-lock.json" "$cache/openapi/"
  cd "$cache/openapi"
  npm ci --no-audit --no-fund --loglevel=error --ignore-scripts
}

prepare_openapi() {
  have node && have npm && python3 -c 'import ensurepip, venv' 2>/dev/null ||
    { skip openapi "there is no node, no npm or no python3 with venv" "install Node.js 20; apt-get install python3-venv"; return 1; }
  local want
  want=$(stamp "$(node -v) $(python3 -VV) $(declare -f install_openapi)" "$here"/openapi/{requirements.txt,constraints.txt,package.json,package-lock.json})
  current "$cache/openapi" "$want" && return 0
  build openapi || return 1
  echo "$want" >"$cache/openapi/.stamp"
}

install_axe() {
  rm -rf "$cache/axe"
  mkdir -p "$cache/axe"
  cp "$here/axe/package.json" "$here/axe/package-lock.json" "$cache/axe/"
  cd "$cache/axe"
  npm ci --no-audit --no-fund --loglevel=error --ignore-scripts
}

prepare_axe() {
  have node && have npm || { skip axe "there is no node or no npm" "install Node.js 20"; return 1; }
  local want
  want=$(stamp "$(node -v) $(declare -f install_axe)" "$here"/axe/package{,-lock}.json)
  current "$cache/axe" "$want" && return 0
  build axe || return 1
  echo "$want" >"$cache/axe/.stamp"
}

# The target folder stays, so that a change to the program costs seconds.
install_loggers() {
  rm -rf "$cache"/loggers/{python,node,java}
  mkdir -p "$cache"/loggers/{node,java/classes,rust}
  python3 -m venv "$cache/loggers/venv"
  "$cache/loggers/venv/bin/python" -m pip install --disable-pip-version-check --no-input --target "$cache/loggers/python" \
    --requirement "$loggers/python/requirements.txt" --constraint "$loggers/python/constraints.txt"
  rm -rf "$cache/loggers/venv"
  cp "$loggers/node/package.json" "$loggers/node/package-lock.json" "$cache/loggers/node/"
  (cd "$cache/loggers/node" && npm ci --no-audit --no-fund --loglevel=error --ignore-scripts)
  jars ../loggers/java "$cache/loggers/java/lib"
  cd "$cache/loggers/java/lib"
  sha256sum --check --quiet --strict "$loggers/java/SHA256SUMS"
  javac -Xlint:all,-processing -Werror -d ../classes -cp '*' "$loggers/java/Loggers.java"
  cd "$loggers/rust"
  rm -f Cargo.lock
  cargo generate-lockfile --quiet
  local source
  source=$(grep -m1 '^source = ' Cargo.lock)
  sed "s|^source = \"registry\"\$|$source|" Cargo.lock.in >Cargo.lock
  CARGO_TARGET_DIR=$cache/loggers/rust/target cargo build --locked --release
  cp "$cache/loggers/rust/target/release/loggers" "$cache/loggers/rust/"
}

prepare_loggers() {
  have node && have npm && have javac && have mvn && have cargo && python3 -c 'import ensurepip, venv' 2>/dev/null ||
    { skip loggers "one of node, npm, javac, mvn, cargo and python3 with venv is missing" "install what the other parts need"; return 1; }
  local want
  want=$(stamp "$(node -v) $(javac -version) $(cargo -V) $(declare -f jars install_loggers)" \
    "$loggers"/python/{requirements,constraints}.txt "$loggers"/node/package{,-lock}.json \
    "$loggers"/java/{pom.xml,SHA256SUMS,Loggers.java} "$loggers"/rust/{Cargo.toml,Cargo.lock.in,src/main.rs})
  current "$cache/loggers" "$want" && return 0
  build loggers || return 1
  echo "$want" >"$cache/loggers/.stamp"
}

install_powertools() {
  rm -rf "$cache/powertools"
  mkdir -p "$cache/powertools"
  python3 -m venv "$cache/powertools/venv"
  "$cache/powertools/venv/bin/python" -m pip install --disable-pip-version-check --no-input --target "$cache/powertools/python" \
    --requirement "$here/powertools/requirements.txt" --constraint "$here/powertools/constraints.txt"
  rm -rf "$cache/powertools/venv"
  cp "$here/powertools/package.json" "$here/powertools/package-lock.json" "$cache/powertools/"
  cd "$cache/powertools"
  npm ci --no-audit --no-fund --loglevel=error --ignore-scripts
}

prepare_powertools() {
  have node && have npm && python3 -c 'import ensurepip, venv' 2>/dev/null ||
    { skip powertools "there is no node, no npm or no python3 with venv" "install Node.js 20; apt-get install python3-venv"; return 1; }
  local want
  want=$(stamp "$(node -v) $(python3 -VV) $(declare -f install_powertools)" "$here"/powertools/{requirements.txt,constraints.txt,package.json,package-lock.json})
  current "$cache/powertools" "$want" && return 0
  build powertools || return 1
  echo "$want" >"$cache/powertools/.stamp"
}

# Pulumi's AWS package is 800 MB of source, of which a test imports a few files:
# compiling it would take a minute.
install_deploy() {
  rm -rf "$cache/deploy"
  mkdir -p "$cache/deploy/node"
  python3 -m venv "$cache/deploy/python"
  "$cache/deploy/python/bin/python" -m pip install --disable-pip-version-check --no-input --no-compile \
    --requirement "$deploy/requirements.txt" --constraint "$deploy/constraints.txt"
  cp "$deploy/package.json" "$deploy/package-lock.json" "$cache/deploy/node/"
  cd "$cache/deploy/node"
  npm ci --no-audit --no-fund --loglevel=error --ignore-scripts
}

prepare_deploy() {
  have node && have npm && python3 -c 'import ensurepip, venv' 2>/dev/null ||
    { skip deploy "there is no node, no npm or no python3 with venv" "install Node.js 20; apt-get install python3-venv"; return 1; }
  local want
  want=$(stamp "$(node -v) $(python3 -VV) $(declare -f install_deploy)" "$deploy"/{requirements.txt,constraints.txt,package.json,package-lock.json})
  current "$cache/deploy" "$want" && return 0
  build deploy || return 1
  echo "$want" >"$cache/deploy/.stamp"
}

relock() {
  local fresh part
  fresh=$(mktemp -d)
  trap 'rm -rf "$fresh"' EXIT
  python3 -m venv "$fresh/venv"
  "$fresh/venv/bin/pip" install --disable-pip-version-check --quiet --requirement "$here/requirements.txt"
  { echo '# Written by prepare.sh --relock.'; "$fresh/venv/bin/pip" freeze; } >"$here/constraints.txt"
  cp "$here/node/package.json" "$fresh/"
  (cd "$fresh" && npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved --no-audit --no-fund)
  cp "$fresh/package-lock.json" "$here/node/"
  cp "$clients/package.json" "$fresh/"
  (cd "$fresh" && rm package-lock.json && npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved --no-audit --no-fund)
  cp "$fresh/package-lock.json" "$clients/"
  python3 -m venv --clear "$fresh/venv"
  "$fresh/venv/bin/pip" install --disable-pip-version-check --quiet --requirement "$here/openapi/requirements.txt"
  { echo '# Written by prepare.sh --relock.'; "$fresh/venv/bin/pip" freeze; } >"$here/openapi/constraints.txt"
  cp "$here/axe/package.json" "$fresh/"
  (cd "$fresh" && rm package-lock.json && npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved --no-audit --no-fund)
  cp "$fresh/package-lock.json" "$here/axe/"
  cp "$here/openapi/package.json" "$fresh/"
  (cd "$fresh" && rm package-lock.json && npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved --no-audit --no-fund)
  cp "$fresh/package-lock.json" "$here/openapi/"
  for part in dynamodb java; do
    jars "$part" "$fresh/$part"
    (cd "$fresh/$part" && sha256sum -- *) >"$here/$part/SHA256SUMS"
  done
  cp "$foreign/node/package.json" "$fresh/"
  (cd "$fresh" && rm package-lock.json && npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved --no-audit --no-fund)
  cp "$fresh/package-lock.json" "$foreign/node/"
  cp "$loggers/node/package.json" "$fresh/"
  (cd "$fresh" && rm package-lock.json && npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved --no-audit --no-fund)
  cp "$fresh/package-lock.json" "$loggers/node/"
  "$fresh/venv/bin/pip" uninstall --yes --quiet --requirement "$here/constraints.txt"
  "$fresh/venv/bin/pip" install --disable-pip-version-check --quiet --requirement "$loggers/python/requirements.txt"
  { echo '# Written by prepare.sh --relock.'; "$fresh/venv/bin/pip" freeze; } >"$loggers/python/constraints.txt"
  python3 -m venv --clear "$fresh/venv"
  "$fresh/venv/bin/pip" install --disable-pip-version-check --quiet --requirement "$here/powertools/requirements.txt"
  { echo '# Written by prepare.sh --relock.'; "$fresh/venv/bin/pip" freeze; } >"$here/powertools/constraints.txt"
  cp "$here/powertools/package.json" "$fresh/"
  (cd "$fresh" && rm package-lock.json && npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved --no-audit --no-fund)
  cp "$fresh/package-lock.json" "$here/powertools/"
  python3 -m venv --clear "$fresh/venv"
  "$fresh/venv/bin/pip" install --disable-pip-version-check --quiet --no-compile --requirement "$deploy/requirements.txt"
  { echo '# Written by prepare.sh --relock.'; "$fresh/venv/bin/pip" freeze; } >"$deploy/constraints.txt"
  cp "$deploy/package.json" "$fresh/"
  (cd "$fresh" && rm package-lock.json && npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved --no-audit --no-fund)
  cp "$fresh/package-lock.json" "$deploy/"
  jars ../loggers/java "$fresh/loggers"
  (cd "$fresh/loggers" && sha256sum -- *) >"$loggers/java/SHA256SUMS"
  for part in "$here/rust" "$loggers/rust"; do
    cargo generate-lockfile --manifest-path "$part/Cargo.toml"
    sed 's|^source = ".*"$|source = "registry"|' "$part/Cargo.lock" >"$part/Cargo.lock.in"
  done
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

# Side by side: pip waits for the network, npm and cargo for the compiler.
jobs=()
for part in python node clients dynamodb java rust foreign openapi axe loggers powertools deploy; do
  "prepare_$part" 9>&- & jobs+=($!)
done
status=0
for job in "${jobs[@]}"; do
  wait "$job" || status=1
done
[ "${CI:-}" = true ] || status=0
exit "$status"
