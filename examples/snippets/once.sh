#!/bin/sh
# Charge an order once: a repeat prints what the first run answered.
ask() { curl -s -H "X-Aws-Parameters-Secrets-Token: $AWS_SESSION_TOKEN" "http://localhost:${POWERTOOLS_EXTENSION_HTTP_PORT:-2773}/idempotency/$1" -d "$2" -w ' %{http_code}'; }
charge() { echo "charging $1" >&2 && echo "charged $1"; }

begun=$(ask 'begin?format=text' "{\"key\":\"$1\"}")
case $begun in
*' 201') answer=$(charge "$1") && ask "complete?id=${begun% *}" "$answer" >/dev/null ;; # or fail?id=…
*' 200') answer=${begun% *} ;;
*) echo "not charged: $begun" >&2 && exit 1 ;; # it runs elsewhere, or the store fails
esac
printf %s "$answer"
