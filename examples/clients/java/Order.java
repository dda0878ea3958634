/** Everything that the extension does over HTTP, with the client beside it. */
public final class Order {
    public static void main(String[] args) throws Exception {
        var order = args[0];
        var greeting = Powertools.parameter("/demo/greeting", "");
        var burst = Powertools.parameter("/demo/config.json", "key=limits.burst"); // one member of its JSON
        var password = Powertools.secret("demo/database", "key=password");
        var premium = Powertools.flag("premium", "context.tier=gold", "false");
        var charge = Powertools.idempotent(order, () -> {
            System.out.println("{\"level\":\"INFO\",\"message\":\"charging\",\"order\":\"" + order + "\"}");
            return "\"charged " + order + "\"";
        });
        Powertools.metric("OrdersPlaced", 1, "Count");
        // A log line: the extension adds request id, service and the rest.
        System.out.println("{\"level\":\"INFO\",\"message\":\"order placed\",\"order\":\"" + order + "\",\"greeting\":\"" + greeting + "\",\"burst\":" + burst
                + ",\"password_length\":" + password.length() + ",\"premium\":" + premium + ",\"charge\":" + charge + "}");
    }
}
