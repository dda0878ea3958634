// The other side of a table: Powertools for TypeScript, asked line by line.
// As ../python/side.py.
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

const require = createRequire(process.env.LIBRARIES + '/')
const { DynamoDBClient } = require('@aws-sdk/client-dynamodb')
const { IdempotencyConfig, makeIdempotent } = require('@aws-lambda-powertools/idempotency')
const { DynamoDBPersistenceLayer } = require('@aws-lambda-powertools/idempotency/dynamodb')

const client = new DynamoDBClient({ endpoint: process.env.AWS_ENDPOINT_URL, region: 'us-east-1' })

// digest is what stands behind # in the key of a whole event.
function digest(text) {
  const store = new DynamoDBPersistenceLayer({ tableName: 'none', awsSdkV3Client: client })
  store.configure({ config: new IdempotencyConfig({}) })
  return store.getHashedIdempotencyKey(JSON.parse(text)).split('#').pop()
}

async function ask(line) {
  let ran = false
  const config = new IdempotencyConfig({
    eventKeyJmesPath: line.key ?? '',
    payloadValidationJmesPath: line.validation,
    expiresAfterSeconds: line.expires ?? 3600,
  })
  config.registerLambdaContext({ getRemainingTimeInMillis: () => 30_000 })
  if (line.digest) return { result: digest(line.event) }
  const handler = async () => {
    ran = true
    if (line.fail) throw new RangeError('asked')
    return line.result === undefined ? undefined : JSON.parse(line.result)
  }
  const persistenceStore = new DynamoDBPersistenceLayer({ tableName: process.env.TABLE, awsSdkV3Client: client })
  const decorated = makeIdempotent(handler, { persistenceStore, config, keyPrefix: line.prefix })
  try {
    const result = await decorated(JSON.parse(line.event), { getRemainingTimeInMillis: () => 30_000 })
    return { result: JSON.stringify(result === undefined ? null : result), ran }
  } catch (e) {
    return { error: e.name, ran, detail: e.message }
  }
}

for await (const text of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await ask(JSON.parse(text))))
}
