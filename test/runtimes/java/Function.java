import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.Proxy;
import java.net.URL;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A real function for the end-to-end tests: what a user would write without a
 * library. Reads a parameter while the class is made (the init phase) and in
 * every invocation, posts one custom metric, and prints one JSON and one plain
 * line. It returns the value it read but never prints it.
 */
public class Function implements RequestHandler<Map<String, Object>, Map<String, Object>> {
  private static final String PORT =
      env("2773", "POWERTOOLS_EXTENSION_HTTP_PORT", "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT");
  private static final String PARAMETER = env("/demo/greeting", "DEMO_PARAMETER");

  private final Map<String, Object> init = readParameter(PARAMETER, null);

  @Override
  public Map<String, Object> handleRequest(Map<String, Object> event, Context context) {
    String name = (String) event.getOrDefault("parameter", PARAMETER);
    System.out.println("{\"level\":\"INFO\",\"message\":\"reading parameter\",\"parameter\":\"" + name + "\"}");
    Map<String, Object> parameter = readParameter(name, event.get("max_age"));
    int metricStatus = postMetric("Greetings", 1);
    System.out.println("java read " + name + ": " + parameter.get("status") + " " + parameter.get("cache"));
    sleep(((Number) event.getOrDefault("sleep_ms", 0)).longValue());
    if (Boolean.TRUE.equals(event.get("fail"))) {
      throw new IllegalStateException("the event asked for a failure");
    }
    Map<String, Object> answer = new LinkedHashMap<>();
    answer.put("runtime", "java");
    answer.put("request_id", context.getAwsRequestId());
    answer.put("init", init);
    answer.put("parameter", parameter);
    answer.put("metric_status", metricStatus);
    return answer;
  }

  /** The value and how the cache answered, or the error. */
  private static Map<String, Object> readParameter(String name, Object maxAge) {
    Map<String, Object> result = new LinkedHashMap<>();
    try {
      String path = "/parameters/ssm/" + URLEncoder.encode(name, StandardCharsets.UTF_8).replace("+", "%20");
      HttpURLConnection connection = connect(path + (maxAge == null ? "" : "?max_age=" + maxAge));
      connection.setRequestProperty("Accept", "text/plain"); // the JDK has no JSON parser
      int status = connection.getResponseCode();
      result.put("status", status);
      result.put("cache", connection.getHeaderField("X-Powertools-Cache"));
      result.put("age", connection.getHeaderField("Age"));
      result.put(status == 200 ? "value" : "error", body(connection));
    } catch (IOException error) {
      result.put("status", 0);
      result.put("error", error.toString());
    }
    return result;
  }

  /** The status of the answer; 0 if there was none. */
  private static int postMetric(String name, int value) {
    try {
      HttpURLConnection connection = connect("/metrics");
      connection.setDoOutput(true);
      connection.setRequestProperty("Content-Type", "application/json");
      String body = "{\"metrics\":[{\"name\":\"" + name + "\",\"unit\":\"Count\",\"value\":" + value + "}]}";
      connection.getOutputStream().write(body.getBytes(StandardCharsets.UTF_8));
      body(connection);
      return connection.getResponseCode();
    } catch (IOException error) {
      return 0;
    }
  }

  /** A connection to the local API: never through a proxy, which is for the internet. */
  private static HttpURLConnection connect(String path) throws IOException {
    URL url = new URL("http://127.0.0.1:" + PORT + path);
    HttpURLConnection connection = (HttpURLConnection) url.openConnection(Proxy.NO_PROXY);
    connection.setConnectTimeout(1000);
    connection.setReadTimeout(5000);
    connection.setRequestProperty("X-Aws-Parameters-Secrets-Token", env("", "AWS_SESSION_TOKEN"));
    return connection;
  }

  private static String body(HttpURLConnection connection) throws IOException {
    boolean failed = connection.getResponseCode() >= 400;
    try (InputStream in = failed ? connection.getErrorStream() : connection.getInputStream()) {
      return in == null ? "" : new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private static void sleep(long ms) {
    try {
      Thread.sleep(ms);
    } catch (InterruptedException error) {
      Thread.currentThread().interrupt();
    }
  }

  private static String env(String fallback, String... names) {
    for (String name : names) {
      String value = System.getenv(name);
      if (value != null && !value.isEmpty()) {
        return value;
      }
    }
    return fallback;
  }
}
