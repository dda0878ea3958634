#!/usr/bin/env bash
# Reads with curl, as in the documentation of AWS's layers. No jq: the answers
# are cut where the documented ones have their members.
set -euo pipefail

get() { curl --noproxy '*' -sS --fail-with-body --max-time 5 -w '\n' "$@"; }
field() { sed -E "s/.*\"$1\":\"(([^\"\\\\]|\\\\.)*)\".*/\\1/"; }

base=http://localhost:$PARAMETERS_SECRETS_EXTENSION_HTTP_PORT
token="X-Aws-Parameters-Secrets-Token: $AWS_SESSION_TOKEN"

get -H "$token" "$base/systemsmanager/parameters/get?name=%2Fdemo%2Fdb-password&withDecryption=true" | field Value
get -H "$token" "$base/secretsmanager/get?secretId=demo/database" | field SecretString | sed 's/\\"/"/g' | field password
if [ -n "${AWS_APPCONFIG_EXTENSION_HTTP_PORT:-}" ]; then
  get "http://localhost:$AWS_APPCONFIG_EXTENSION_HTTP_PORT/applications/demo/environments/prod/configurations/banner"
fi
