// The AppConfig client of Powertools for TypeScript, as it is published. It
// prints one JSON line per question; CLIENTS is where npm installed it.
import { createRequire } from 'node:module';

const require = createRequire(`${process.env.CLIENTS}/package.json`);
const { getConfig } = require('@aws-lambda-powertools/parameters/appconfig-agent');

const where = { application: 'demo', environment: 'prod' };
const questions = {
  text: () => getConfig('banner', where),
  json: () => getConfig('flags', { ...where, transform: 'json' }),
  binary: () => getConfig('blob', { ...where, transform: 'binary' }),
  missing: () => getConfig('none', where),
  throws: () => getConfig('none', { ...where, throwOnMissing: true }),
  service: () => getConfig('banner', { environment: 'prod' }),
};
for (const [name, ask] of Object.entries(questions)) {
  let line;
  try {
    line = { name, value: (await ask()) ?? null };
  } catch (error) {
    line = { name, error: error.name };
  }
  console.log(JSON.stringify(line));
}
