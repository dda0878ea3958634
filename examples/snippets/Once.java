// Charge an order once: a repeat prints what the first run answered.
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;

class Once {
    static HttpResponse<String> ask(String step, String body) throws Exception {
        var port = System.getenv().getOrDefault("POWERTOOLS_EXTENSION_HTTP_PORT", "2773");
        var request = HttpRequest.newBuilder(URI.create("http://localhost:" + port + "/idempotency/" + step))
                .header("X-Aws-Parameters-Secrets-Token", System.getenv("AWS_SESSION_TOKEN"))
                .timeout(Duration.ofSeconds(5))
                .POST(BodyPublishers.ofString(body))
                .build();
        var answer = HttpClient.newHttpClient().send(request, BodyHandlers.ofString());
        if (answer.statusCode() >= 300) { // 409 and 503
            throw new IllegalStateException(answer.statusCode() + ": " + answer.body());
        }
        return answer;
    }

    static String charge(String order) {
        System.err.println("charging " + order);
        return "charged " + order;
    }

    public static void main(String[] args) throws Exception {
        var begun = ask("begin?format=text", "{\"key\":\"" + args[0] + "\"}");
        var answer = begun.body();
        if (begun.statusCode() == 201) { // the body is the execution's id; 200: it is what was stored
            answer = charge(args[0]);
            ask("complete?id=" + begun.body(), answer); // or fail?id=…
        }
        System.out.print(answer);
    }
}
