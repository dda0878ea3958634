import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ProxySelector;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.Callable;

/**
 * Thin client of the Powertools extension: copy this file, it needs nothing else.
 *
 * <p>Outside Lambda, in unit tests, there is no extension: parameter and secret read
 * POWERTOOLS_FALLBACK_NAME (upper case, _ for what is no letter or digit), flag gives
 * its default, metric does nothing, idempotent calls the function. Java has no JSON of
 * its own, so values are texts.
 */
public final class Powertools {
    /** What the extension answered; the message is its error document, which has no values. */
    public static final class ExtensionException extends IOException {
        private static final long serialVersionUID = 1;
        public final int status;

        ExtensionException(int status, String document) {
            super(status + " " + document);
            this.status = status;
        }
    }

    // A proxy in the environment is not for the sandbox's own port.
    private static final HttpClient CLIENT = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(Duration.ofSeconds(2)).proxy(ProxySelector.of((InetSocketAddress) null)).build();

    private Powertools() {}

    private static boolean absent() {
        return System.getenv("AWS_LAMBDA_RUNTIME_API") == null;
    }

    private static HttpResponse<String> call(String method, String path, String body) throws IOException, InterruptedException {
        var port = System.getenv().getOrDefault("POWERTOOLS_EXTENSION_HTTP_PORT", "2773");
        // Under SnapStart the token is in the second variable. It is read for each
        // call, because a restored sandbox has another one.
        var token = System.getenv().getOrDefault("AWS_SESSION_TOKEN", System.getenv().getOrDefault("AWS_CONTAINER_AUTHORIZATION_TOKEN", ""));
        var request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path)).timeout(Duration.ofSeconds(5))
                .header("X-Aws-Parameters-Secrets-Token", token)
                .method(method, body == null ? HttpRequest.BodyPublishers.noBody() : HttpRequest.BodyPublishers.ofString(body)).build();
        var answer = CLIENT.send(request, HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() >= 300) {
            throw new ExtensionException(answer.statusCode(), answer.body());
        }
        return answer;
    }

    private static String fallback(String name) throws ExtensionException {
        var variable = "POWERTOOLS_FALLBACK_" + name.replaceAll("^/+|/+$", "").replaceAll("[^A-Za-z0-9_]", "_").toUpperCase(java.util.Locale.ROOT);
        var value = System.getenv(variable);
        if (value == null) {
            throw new ExtensionException(0, "no extension outside Lambda: set " + variable);
        }
        return value;
    }

    private static String encode(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }

    private static String json(String text) {
        var out = new StringBuilder("\"");
        for (var c : text.toCharArray()) {
            out.append(c < ' ' || c == '"' || c == '\\' ? String.format("\\u%04x", (int) c) : String.valueOf(c));
        }
        return out.append('"').toString();
    }

    /** An SSM parameter's value. Options are those of the route, as a query: "" or "max_age=60&amp;key=limits.burst". */
    public static String parameter(String name, String options) throws IOException, InterruptedException {
        return absent() ? fallback(name)
                : call("GET", "/parameters/ssm/" + encode(name.replaceFirst("^/+", "")).replace("%2F", "/") + "?format=text&" + options, null).body();
    }

    /** A secret's value; "key=password" for one member of its JSON. */
    public static String secret(String name, String options) throws IOException, InterruptedException {
        return absent() ? fallback(name) : call("GET", "/parameters/secrets/" + encode(name).replace("%2F", "/") + "?format=text&" + options, null).body();
    }

    /** A feature's value as text, for a context as a query such as "context.tier=gold". */
    public static String flag(String name, String context, String otherwise) throws IOException, InterruptedException {
        return absent() ? otherwise : call("GET", "/flags/" + encode(name) + "?format=text&default=" + encode(otherwise) + "&" + context, null).body();
    }

    /** Counts something, in the function's namespace. */
    public static void metric(String name, double value, String unit) throws IOException, InterruptedException {
        if (!absent()) {
            call("POST", "/metrics", "{\"metrics\":[{\"name\":" + json(name) + ",\"unit\":" + json(unit) + ",\"value\":" + value + "}]}");
        }
    }

    /** Calls the function once for a key; a repeat gets the stored answer. The answer is a JSON text. */
    public static String idempotent(String key, Callable<String> function) throws Exception {
        if (absent()) {
            return function.call();
        }
        var begun = call("POST", "/idempotency/begin?format=text", "{\"key\":" + json(key) + "}");
        if (begun.statusCode() == 200) {
            return begun.body();
        }
        String result;
        try {
            result = function.call();
        } catch (Exception e) {
            call("POST", "/idempotency/fail?id=" + begun.body(), null);
            throw e;
        }
        call("POST", "/idempotency/complete?id=" + begun.body(), result);
        return result;
    }
}
