import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.logging.Level;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.ThreadContext;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;

/**
 * A function on the Runtime API that logs one error and one plain line with the logger that the
 * event names. Their configuration is in log4j2.xml and logback.xml, as their manuals show it.
 */
public class Loggers {
  private static final Pattern NAME = Pattern.compile("\"logger\":\\s*\"([^\"]*)\"");

  public static void main(String[] args) throws Exception {
    String base = "http://" + System.getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/";
    HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    while (true) {
      HttpResponse<String> next =
          client.send(HttpRequest.newBuilder(URI.create(base + "next")).build(), HttpResponse.BodyHandlers.ofString());
      String id = next.headers().firstValue("Lambda-Runtime-Aws-Request-Id").orElseThrow();
      Matcher name = NAME.matcher(next.body());
      if (!name.find()) {
        throw new IllegalArgumentException(next.body());
      }
      ThreadContext.put("AWSRequestId", id);
      MDC.put("AWSRequestId", id);
      log(name.group(1));
      HttpRequest answer =
          HttpRequest.newBuilder(URI.create(base + id + "/response")).POST(HttpRequest.BodyPublishers.ofString("{}")).build();
      client.send(answer, HttpResponse.BodyHandlers.discarding());
    }
  }

  private static void log(String name) {
    if (name.startsWith("log4j2")) {
      LogManager.getLogger(name).error("charge failed");
      LogManager.getLogger(name).info("order accepted");
    } else if (name.startsWith("logback")) {
      LoggerFactory.getLogger(name).error("charge failed");
      LoggerFactory.getLogger(name).info("order accepted");
    } else {
      java.util.logging.Logger.getLogger(name).log(Level.SEVERE, "charge failed");
      java.util.logging.Logger.getLogger(name).log(Level.INFO, "order accepted");
    }
  }
}
