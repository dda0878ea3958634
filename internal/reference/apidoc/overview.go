package apidoc

// Overview is what holds for every route, in Markdown, for the reference page
// and the API description. Numbers and order are those of localhttp's guard and
// limits.
const Overview = `Every request is checked in this order, before anything of it is decoded: no ` + "`X-Forwarded-*`, `Forwarded` or `Via`" + ` header (400);
a request line that holds a path only, and a ` + "`Host`" + ` of 127.0.0.1, localhost or [::1] (421); no ` + "`Origin`" + ` header and no ` + "`Sec-Fetch-Site`" + ` but ` + "`none`" + ` (403);
exactly one token in ` + "`X-Aws-Parameters-Secrets-Token` or `X-Vault-Token`" + `, equal to AWS_SESSION_TOKEN, AWS_CONTAINER_AUTHORIZATION_TOKEN or AWS_TOKEN
(403; 401 in place of the AWS Parameters and Secrets Lambda Extension). ` + "`/ping` and `/healthz`" + ` need no token.

A second port, POWERTOOLS_EXTENSION_APPCONFIG_PORT, has the route of the AWS AppConfig Agent and ` + "`/ping`" + `, both without a token; the other checks hold there too.

Limits: 256 requests in flight (429; not ` + "`/ping` and `/healthz`" + `), 64 KiB of headers (431), 256 KiB of body (413), 2 s for the headers (408), 30 s for the whole request,
2,048 bytes for a name or an argument, 100 names in one request (400).
What is wrong below HTTP, such as a malformed request line or an overlong header, is answered in plain text and closes the connection. Nothing is ever redirected.

Every parameter answer has ` + "`X-Powertools-Cache`" + ` (hit, miss, stale, refreshed, coalesced; negative on a remembered error), ` + "`Age`" + ` (seconds), ` + "`ETag`, `Cache-Control: no-store`" + `,
and ` + "`Warning`" + ` when it is stale or holds a SecureString that was not decrypted; an answer with several values has the state of the least cached and the age of the oldest. Booleans are true, 1, yes, on or false, 0, no, off;
an argument without ` + "`=`" + ` is true. An unknown argument is refused (400). In a query ` + "`+`" + ` is a blank, so a plus is ` + "`%2B`" + `.

An error of a service is remembered, so that a storm costs one call: 1 s, and 5 s when the value does not exist or may not be read, on the drop-in routes 1 s; never longer than the
request's own maximum age. Until then it is answered with ` + "`X-Powertools-Cache: negative`" + ` and its ` + "`Age`" + `; ` + "`max_age=0`, `force_fetch` and `refreshNow`" + ` ask the service, the last two at most once a second.

Errors are ` + "`application/problem+json`" + ` (RFC 9457). The drop-in routes answer in the words and statuses of the server they stand in for; there the header
` + "`X-Amzn-ErrorType`" + ` names the kind, and ` + "`X-Powertools-Error`" + ` says code, detail and cure. No error holds a value or a token.
`
