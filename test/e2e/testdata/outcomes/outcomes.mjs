// Ends in the way that the event asks for: what the extension then says of it is the test.
export const handler = async (event) => {
  switch (event.do) {
    case "throw":
      throw new RangeError("quantity is negative");
    case "catch":
      try {
        null.order;
      } catch (e) {
        console.error("lookup failed, default used", e);
      }
      return { status: "default" };
    case "exit":
      process.exit(1);
    case "memory": {
      const kept = [];
      for (;;) kept.push(new Array(1000).fill({ at: kept.length }));
    }
    case "sleep":
      await new Promise((done) => setTimeout(done, 60_000));
    case "empty":
      return undefined;
  }
  return { status: "ok" };
};
