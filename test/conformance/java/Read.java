import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.Proxy;
import java.net.URL;
import java.nio.charset.StandardCharsets;

/** Reads with HttpURLConnection, as in the documentation of AWS's layers. */
class Read {
    public static void main(String[] args) throws IOException {
        String base = "http://localhost:" + System.getenv("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT");
        String token = System.getenv("AWS_SESSION_TOKEN");
        String parameter = get(base + "/systemsmanager/parameters/get?name=%2Fdemo%2Fdb-password&withDecryption=true", token);
        System.out.println(cut(parameter, "Value", 8, "\""));
        // The documented sample counts characters: a blank after the colon would break it.
        String secret = cut(get(base + "/secretsmanager/get?secretId=demo/database", token), "SecretString", 15, "\",\"");
        System.out.println(cut(secret, "password", 13, "\\\""));
        String port = System.getenv("AWS_APPCONFIG_EXTENSION_HTTP_PORT");
        if (port != null) {
            System.out.println(get("http://localhost:" + port + "/applications/demo/environments/prod/configurations/banner", null));
        }
    }

    static String cut(String text, String member, int length, String end) {
        int from = text.indexOf(member) + length;
        return text.substring(from, text.indexOf(end, from));
    }

    static String get(String url, String token) throws IOException {
        HttpURLConnection c = (HttpURLConnection) new URL(url).openConnection(Proxy.NO_PROXY);
        c.setConnectTimeout(5000);
        c.setReadTimeout(5000);
        if (token != null) {
            c.setRequestProperty("X-Aws-Parameters-Secrets-Token", token);
        }
        try (var in = c.getInputStream()) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
