package localhttp

// Overview is what holds for every route, in Markdown, for the reference page
// and the API description. Numbers and order are those of guard and the limits.
const Overview = `Every request is checked in this order, before anything of it is decoded: no ` + "`X-Forwarded-*`, `Forwarded` or `Via`" + ` header (400);
a request line that holds a path only, and a ` + "`Host`" + ` of 127.0.0.1, localhost or [::1] (421); no ` + "`Origin`" + ` header (403);
exactly one token in ` + "`X-Aws-Parameters-Secrets-Token` or `X-Vault-Token`" + `, equal to AWS_SESSION_TOKEN, AWS_CONTAINER_AUTHORIZATION_TOKEN or AWS_TOKEN
(403; 401 on the drop-in routes). ` + "`/ping` and `/healthz`" + ` need no token.

Limits: 64 requests in flight (429; not ` + "`/ping` and `/healthz`" + `), 64 KiB of headers (431), 256 KiB of body (413), 2 s for the headers (408), 30 s for the whole request.
What is wrong below HTTP, such as a malformed request line or an overlong header, is answered in plain text and closes the connection. Nothing is ever redirected.

Every parameter answer has ` + "`X-Powertools-Cache`" + ` (hit, miss, stale, refreshed, coalesced), ` + "`Age`" + ` (seconds), ` + "`ETag`, `Cache-Control: no-store`" + `,
and ` + "`Warning`" + ` when it is stale. Booleans are true, 1, yes, on or false, 0, no, off; an argument without ` + "`=`" + ` is true. An unknown argument is refused (400).

Errors are ` + "`application/problem+json`" + ` (RFC 9457). The drop-in routes answer the words of the extension they stand in for, with status 400 or 401; there the header
` + "`X-Amzn-ErrorType`" + ` names the kind, and ` + "`X-Powertools-Error`" + ` says code, detail and cure. No error holds a value or a token.
`
