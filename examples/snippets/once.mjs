// Charge an order once: a repeat prints what the first run answered.
const api = `http://localhost:${process.env.POWERTOOLS_EXTENSION_HTTP_PORT ?? "2773"}/idempotency/`;
const headers = { "X-Aws-Parameters-Secrets-Token": process.env.AWS_SESSION_TOKEN, "Content-Type": "text/plain" };

async function ask(step, body) {
  const answer = await fetch(api + step, { method: "POST", headers, body, signal: AbortSignal.timeout(5000) });
  if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`); // 409 and 503
  return [answer.status, await answer.text()];
}

function charge(order) {
  console.error("charging", order);
  return `charged ${order}`;
}

const [, , order] = process.argv;
let [status, answer] = await ask("begin?format=text", JSON.stringify({ key: order }));
if (status === 201) { // the answer is the execution's id; 200: it is what was stored
  const id = answer;
  await ask(`complete?id=${id}`, (answer = charge(order))); // or fail?id=…
}
process.stdout.write(answer);
