// Read one parameter with fetch, which Node has had since version 18.
const port = process.env.POWERTOOLS_EXTENSION_HTTP_PORT ?? "2773";
const answer = await fetch(`http://localhost:${port}/parameters/ssm/demo/greeting?format=text`, {
  headers: { "X-Aws-Parameters-Secrets-Token": process.env.AWS_SESSION_TOKEN },
  signal: AbortSignal.timeout(5000),
});
if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`);
process.stdout.write(await answer.text());
