// Calls the generated client; tsc checks every name and type of it.
import createClient from "openapi-fetch";
import type { paths } from "./api.js";

const client = createClient<paths>({
  baseUrl: process.env.API,
  headers: { "X-Aws-Parameters-Secrets-Token": process.env.AWS_SESSION_TOKEN },
});

// json tells an answer in JSON from one in text, which the same route may give.
function json<T>(answer: T | string | undefined): T {
  if (answer === undefined || typeof answer === "string") throw new Error("no answer in JSON");
  return answer;
}

const parameter = json((await client.GET("/parameters/ssm/{name}", { params: { path: { name: "/app/db" } } })).data);
console.log(parameter.name, parameter.value, parameter.version, parameter.source);
const secret = json((await client.GET("/parameters/secrets/{id}", { params: { path: { id: "app/key" } } })).data);
console.log(secret.value);
const missing = (await client.GET("/parameters/ssm/{name}", { params: { path: { name: "none" } } })).error!;
console.log(missing.code, missing.status);
const recorded = (await client.POST("/metrics", { body: { metrics: [{ name: "orders", value: 1, resolution: 60 }] } })).data!;
console.log("accepted", recorded.accepted);
const purged = (await client.DELETE("/parameters/cache", {})).data!;
console.log("purged", purged.purged > 0);
console.log((await client.GET("/ping", { parseAs: "text" })).data);
