import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;
import com.amazonaws.services.lambda.runtime.logging.LogLevel;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Ends in the way that the event asks for: what the extension then says of it is the test. */
public class Outcomes implements RequestStreamHandler {
  @Override
  public void handleRequest(InputStream in, OutputStream out, Context context) throws IOException {
    String event = new String(in.readAllBytes(), StandardCharsets.UTF_8);
    if (event.contains("throw")) {
      throw new IllegalStateException("quantity is negative");
    }
    if (event.contains("catch")) {
      try {
        List.of().get(0);
      } catch (RuntimeException e) {
        StringWriter text = new StringWriter();
        e.printStackTrace(new PrintWriter(text));
        context.getLogger().log("lookup failed, default used\n" + text, LogLevel.ERROR);
      }
    }
    if (event.contains("exit")) {
      Runtime.getRuntime().halt(1);
    }
    if (event.contains("memory")) {
      List<byte[]> kept = new ArrayList<>();
      while (true) {
        kept.add(new byte[1 << 20]);
      }
    }
    if (event.contains("sleep")) {
      try {
        Thread.sleep(60_000);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    if (!event.contains("empty")) {
      out.write("{\"status\":\"ok\"}".getBytes(StandardCharsets.UTF_8));
    }
  }
}
