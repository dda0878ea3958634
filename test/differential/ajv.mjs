// Answers one JSON question per line with ajv's verdict, as Powertools for
// TypeScript asks it.
import { createInterface } from 'node:readline';
import { createRequire } from 'node:module';

const require = createRequire(process.argv[2] + '/');
const Ajv = require('ajv').default ?? require('ajv');
for await (const line of createInterface({ input: process.stdin })) {
  const q = JSON.parse(line);
  let answer;
  try {
    const check = new Ajv({ allErrors: true, strict: false, validateFormats: false, logger: false }).compile(q.schema);
    answer = { valid: check(q.data) };
  } catch (e) {
    answer = { error: e.name, text: e.message };
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
}
