// Read one parameter with the client that Java has had since version 11.
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;

class Read {
    public static void main(String[] args) throws Exception {
        var port = System.getenv().getOrDefault("POWERTOOLS_EXTENSION_HTTP_PORT", "2773");
        var request = HttpRequest.newBuilder(URI.create("http://localhost:" + port + "/parameters/ssm/demo/greeting?format=text"))
                .header("X-Aws-Parameters-Secrets-Token", System.getenv("AWS_SESSION_TOKEN"))
                .timeout(Duration.ofSeconds(5))
                .build();
        var answer = HttpClient.newHttpClient().send(request, BodyHandlers.ofString());
        if (answer.statusCode() != 200) {
            throw new IllegalStateException(answer.statusCode() + ": " + answer.body());
        }
        System.out.print(answer.body());
    }
}
