'use strict';

// A real function for the end-to-end tests: what a user would write without a
// library. Reads a parameter while the module is loaded (the init phase) and in
// every invocation, posts one custom metric, and prints one JSON and one plain
// line. It returns the value it read but never prints it.

const http = require('node:http');

const port =
  process.env.POWERTOOLS_EXTENSION_HTTP_PORT ||
  process.env.PARAMETERS_SECRETS_EXTENSION_HTTP_PORT ||
  '2773';
const defaultParameter = process.env.DEMO_PARAMETER || '/demo/greeting';

// One request to the local API: status, headers and text of the answer.
function call(path, body) {
  return new Promise((resolve, reject) => {
    const request = http.request(
      {
        host: 'localhost',
        port,
        path,
        method: body === undefined ? 'GET' : 'POST',
        timeout: 5000,
        headers: {
          'X-Aws-Parameters-Secrets-Token': process.env.AWS_SESSION_TOKEN || '',
          'Content-Type': 'application/json',
        },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk) => (text += chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({ status: response.statusCode, headers: response.headers, text }),
        );
      },
    );
    request.on('timeout', () => request.destroy(new Error('no answer within 5 s')));
    request.on('error', reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

// A hierarchical name may stand in the path as it is; the slash of a name like
// /db must be escaped, or it would mean db.
function pathOf(name) {
  return /^\/[^/]+\//.test(name)
    ? name.slice(1).split('/').map(encodeURIComponent).join('/')
    : encodeURIComponent(name);
}

// The value and how the cache answered, or the error. Never rejects.
async function readParameter(name, maxAge) {
  const query = maxAge === undefined ? '' : `?max_age=${maxAge}`;
  const began = process.hrtime.bigint();
  try {
    const { status, headers, text } = await call(`/parameters/ssm/${pathOf(name)}${query}`);
    const result = {
      status,
      cache: headers['x-powertools-cache'],
      age: headers.age,
      ms: Number(process.hrtime.bigint() - began) / 1e6,
    };
    if (status !== 200) return { ...result, error: text };
    const answer = JSON.parse(text);
    return { ...result, value: answer.value, version: answer.version };
  } catch (error) {
    return { status: 0, error: error.message };
  }
}

// The status of the answer; 0 if there was none.
async function postMetric(name, value, unit = 'Count') {
  try {
    return (await call('/metrics', { metrics: [{ name, unit, value }] })).status;
  } catch {
    return 0;
  }
}

// Sent while the module is loaded. A CommonJS module cannot wait for it, so the
// first invocation does.
const init = readParameter(defaultParameter);

exports.handler = async (event, context) => {
  const name = event.parameter ?? defaultParameter;
  const line = { level: 'INFO', message: 'reading parameter', parameter: name };
  // Not console.log: the runtime would put its own words before the JSON.
  process.stdout.write(`${JSON.stringify(line)}\n`);
  const parameter = await readParameter(name, event.max_age);
  const metricStatus = await postMetric('Greetings', 1);
  console.log(`node read ${name}: ${parameter.status} ${parameter.cache}`);
  if (event.sleep_ms) await new Promise((done) => setTimeout(done, event.sleep_ms));
  if (event.fail) throw new Error('the event asked for a failure');
  return {
    runtime: 'node',
    request_id: context.awsRequestId,
    init: await init,
    parameter,
    metric_status: metricStatus,
  };
};
