// Thin client of the Powertools extension: copy this file, it needs nothing else.
//
// Outside Lambda, in unit tests, there is no extension: parameter() and secret()
// read POWERTOOLS_FALLBACK_<NAME> (upper case, _ for what is no letter or digit),
// flag() gives its default, metric() does nothing, idempotent() calls the function.
import http from 'node:http';

/** What the extension answered: error is its word for it, status the HTTP status. */
export class ExtensionError extends Error {
  constructor(status, error, detail) {
    super(`${error} (${status}): ${detail}`);
    Object.assign(this, { status, error, detail });
  }
}

const absent = () => !process.env.AWS_LAMBDA_RUNTIME_API;

function call(method, path, body) {
  // Under SnapStart the token is in the second variable. It is read for each
  // call, because a restored sandbox has another one.
  const token = process.env.AWS_SESSION_TOKEN || process.env.AWS_CONTAINER_AUTHORIZATION_TOKEN || '';
  const port = process.env.POWERTOOLS_EXTENSION_HTTP_PORT || 2773;
  const headers = { 'X-Aws-Parameters-Secrets-Token': token };
  if (body !== undefined) headers['Content-Length'] = Buffer.byteLength(body);
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port, path, method, headers, timeout: 5000 }, (answer) => {
      const parts = [];
      answer.on('data', (part) => parts.push(part));
      answer.on('error', reject);
      answer.on('end', () => {
        const text = Buffer.concat(parts).toString();
        if (answer.statusCode < 300) return resolve({ status: answer.statusCode, text });
        let problem = {};
        try { problem = JSON.parse(text); } catch { /* not ours */ }
        reject(new ExtensionError(answer.statusCode, problem.error ?? 'failed', problem.detail ?? ''));
      });
    });
    request.on('timeout', () => request.destroy(new ExtensionError(0, 'timeout', 'no answer in 5 s')));
    request.on('error', reject);
    request.end(body);
  });
}

function fallback(name) {
  const variable = 'POWERTOOLS_FALLBACK_' + name.replace(/^\/+|\/+$/g, '').replace(/[^A-Za-z0-9_]/g, '_').toUpperCase();
  if (process.env[variable] === undefined) {
    throw new ExtensionError(0, 'absent', `no extension outside Lambda: set ${variable}`);
  }
  return process.env[variable];
}

const path = (name) => name.split('/').map(encodeURIComponent).join('/');

/** An SSM parameter's value as text. Options are those of the route: { max_age: 60, key: 'limits.burst' }. */
export async function parameter(name, options = {}) {
  if (absent()) return fallback(name);
  return (await call('GET', `/parameters/ssm/${path(name.replace(/^\/+/, ''))}?${new URLSearchParams({ ...options, format: 'text' })}`)).text;
}

/** A secret's value as text; { key: 'password' } for one member of its JSON. */
export async function secret(name, options = {}) {
  if (absent()) return fallback(name);
  return (await call('GET', `/parameters/secrets/${path(name)}?${new URLSearchParams({ ...options, format: 'text' })}`)).text;
}

/** A feature's value for the context, fallbackValue where there is none. */
export async function flag(name, context = {}, fallbackValue = false) {
  if (absent()) return fallbackValue;
  const body = JSON.stringify({ context, default: fallbackValue });
  return JSON.parse((await call('POST', `/flags/${encodeURIComponent(name)}`, body)).text).value;
}

/** Counts something, in the function's namespace. */
export async function metric(name, value = 1, unit = 'Count') {
  if (!absent()) await call('POST', '/metrics', JSON.stringify({ metrics: [{ name, unit, value }] }));
}

/** Calls the function once for a key; a repeat gets the stored answer. The answer has to be JSON. */
export async function idempotent(key, run) {
  if (absent()) return run();
  const { status, text } = await call('POST', '/idempotency/begin', JSON.stringify({ key }));
  const state = JSON.parse(text);
  if (status === 200) return state.data;
  let result;
  try {
    result = await run();
  } catch (error) {
    await call('POST', `/idempotency/fail?id=${state.id}`, '');
    throw error;
  }
  await call('POST', `/idempotency/complete?id=${state.id}`, JSON.stringify(result ?? null));
  return result;
}
