#!/usr/bin/env bash
# Everything that the extension does over HTTP, with curl.
set -euo pipefail

# Under SnapStart the token is in the second variable. --noproxy: a proxy in the
# environment is not for the sandbox's own port.
call() {
  local path=$1
  shift
  curl -sS --fail-with-body --noproxy '*' --max-time 5 \
    -H "X-Aws-Parameters-Secrets-Token: ${AWS_SESSION_TOKEN:-${AWS_CONTAINER_AUTHORIZATION_TOKEN:-}}" \
    "http://127.0.0.1:${POWERTOOLS_EXTENSION_HTTP_PORT:-2773}$path" "$@"
}

order=$1
greeting=$(call '/parameters/ssm/demo/greeting?format=text')
burst=$(call '/parameters/ssm/demo/config.json?key=limits.burst&format=text') # one member of its JSON
password=$(call '/parameters/secrets/demo/database?key=password&format=text')
premium=$(call '/flags/premium?context.tier=gold&format=text')

# Idempotency in three steps: ask, run, complete. The last line is the status.
begun=$(call '/idempotency/begin?format=text' -d "{\"key\":\"$order\"}" -w '\n%{http_code}')
charge=${begun%$'\n'*} # 200: the stored answer
if [ "${begun##*$'\n'}" = 201 ]; then
  id=$charge
  echo "{\"level\":\"INFO\",\"message\":\"charging\",\"order\":\"$order\"}"
  charge="\"charged $order\""
  call "/idempotency/complete?id=$id" -d "$charge"
fi

call /metrics -d '{"metrics":[{"name":"OrdersPlaced","unit":"Count","value":1}]}' -o /dev/null

# A log line: the extension adds request id, service and the rest.
echo "{\"level\":\"INFO\",\"message\":\"order placed\",\"order\":\"$order\",\"greeting\":\"$greeting\",\"burst\":$burst,\"password_length\":${#password},\"premium\":$premium,\"charge\":$charge}"
