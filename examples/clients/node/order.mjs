// Everything that the extension does over HTTP, with the client beside it.
import * as powertools from './powertools.mjs';

const order = process.argv[2];
const answer = {
  level: 'INFO',
  message: 'order placed',
  order,
  greeting: await powertools.parameter('/demo/greeting'),
  burst: JSON.parse(await powertools.parameter('/demo/config.json')).limits.burst,
  password_length: (await powertools.secret('demo/database', { key: 'password' })).length,
  premium: await powertools.flag('premium', { tier: 'gold' }),
  charge: await powertools.idempotent(order, () => {
    console.log(JSON.stringify({ level: 'INFO', message: 'charging', order }));
    return `charged ${order}`;
  }),
};
await powertools.metric('OrdersPlaced');
console.log(JSON.stringify(answer)); // a log line: the extension adds request id, service and the rest
