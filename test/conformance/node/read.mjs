// Reads with node:http, as in the documentation of AWS's layers.
import http from 'node:http';

const { AWS_SESSION_TOKEN: token, PARAMETERS_SECRETS_EXTENSION_HTTP_PORT: port, AWS_APPCONFIG_EXTENSION_HTTP_PORT: appConfigPort } = process.env;

function get(port, path, headers) {
  return new Promise((resolve, reject) => {
    http.get({ hostname: 'localhost', port, path, headers }, (res) => {
      let body = '';
      res.on('data', (chunk) => { body += chunk; });
      res.on('end', () => (res.statusCode === 200 ? resolve(body) : reject(new Error(`${res.statusCode} ${body}`))));
    }).on('error', reject);
  });
}

const headers = { 'X-Aws-Parameters-Secrets-Token': token };
const parameter = await get(port, `/systemsmanager/parameters/get?name=${encodeURIComponent('/demo/db-password')}&withDecryption=true`, headers);
console.log(JSON.parse(parameter).Parameter.Value);
const secret = await get(port, '/secretsmanager/get?secretId=demo/database', headers);
console.log(JSON.parse(JSON.parse(secret).SecretString).password);
if (appConfigPort) {
  console.log(await get(appConfigPort, '/applications/demo/environments/prod/configurations/banner'));
}
