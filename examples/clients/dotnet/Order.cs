// Everything that the extension does over HTTP, with .NET alone.
using System;
using System.Net.Http;
using System.Text.Json;
using System.Threading.Tasks;

var order = args[0];
// A proxy in the environment is not for the sandbox's own port.
using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false })
{
    BaseAddress = new Uri($"http://127.0.0.1:{Environment.GetEnvironmentVariable("POWERTOOLS_EXTENSION_HTTP_PORT") ?? "2773"}"),
    Timeout = TimeSpan.FromSeconds(5),
};

async Task<(int Status, string Text)> Call(HttpMethod method, string path, string? body = null)
{
    using var request = new HttpRequestMessage(method, path);
    // Under SnapStart the token is in the second variable. It is read for each
    // call, because a restored sandbox has another one.
    request.Headers.Add("X-Aws-Parameters-Secrets-Token",
        Environment.GetEnvironmentVariable("AWS_SESSION_TOKEN") ?? Environment.GetEnvironmentVariable("AWS_CONTAINER_AUTHORIZATION_TOKEN"));
    if (body != null)
    {
        request.Content = new StringContent(body);
    }
    using var answer = await client.SendAsync(request);
    var text = await answer.Content.ReadAsStringAsync();
    if (!answer.IsSuccessStatusCode)
    {
        throw new HttpRequestException($"{(int)answer.StatusCode} {text}"); // the error document: it has no values
    }
    return ((int)answer.StatusCode, text);
}

var greeting = (await Call(HttpMethod.Get, "/parameters/ssm/demo/greeting?format=text")).Text;
using var config = JsonDocument.Parse((await Call(HttpMethod.Get, "/parameters/ssm/demo/config.json?format=text")).Text);
var burst = config.RootElement.GetProperty("limits").GetProperty("burst").GetInt32();
var password = (await Call(HttpMethod.Get, "/parameters/secrets/demo/database?key=password&format=text")).Text;
var premium = (await Call(HttpMethod.Get, "/flags/premium?context.tier=gold&format=text")).Text == "true";

// Idempotency in three steps: ask, run, complete.
var (status, begun) = await Call(HttpMethod.Post, "/idempotency/begin?format=text", JsonSerializer.Serialize(new { key = order }));
var charge = status == 200 ? JsonSerializer.Deserialize<string>(begun) : null; // 200: the stored answer
if (status == 201)
{
    Console.WriteLine(JsonSerializer.Serialize(new { level = "INFO", message = "charging", order }));
    charge = $"charged {order}";
    await Call(HttpMethod.Post, $"/idempotency/complete?id={begun}", JsonSerializer.Serialize(charge));
}

await Call(HttpMethod.Post, "/metrics", """{"metrics":[{"name":"OrdersPlaced","unit":"Count","value":1}]}""");

// A log line: the extension adds request id, service and the rest.
Console.WriteLine(JsonSerializer.Serialize(new { level = "INFO", message = "order placed", order, greeting, burst, password_length = password.Length, premium, charge }));
