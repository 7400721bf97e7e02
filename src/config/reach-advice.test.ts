import { describe, expect, test } from "bun:test";
import { findReachAdvice } from "./reach-advice.ts";

const names = new Set(["box", "192.168.1.5", "fe80::1"]);

function adviceFor(server: object, urls: readonly string[] = [], keys: readonly object[] = []): string[] {
  const parsed = {
    server: { port: 40114, admin: { port: 40115 }, ...server },
    auth: { keys },
    discovery: { static: { endpoints: urls.map((url) => ({ url })) } },
  };
  return findReachAdvice(parsed, names).map(({ path }) => path.join("."));
}

describe("a listener without client keys", () => {
  test.each(["0.0.0.0", "::", "[::]", "192.168.1.5", "gpu.lan"])("on %s is warned about", (host) => {
    expect(adviceFor({ host })).toEqual(["server.host"]);
    expect(adviceFor({ host }, [], [{ name: "one" }])).toEqual([]);
  });

  test.each(["localhost", "127.0.0.1", "127.1.2.3", "::1", "[::1]", "LOCALHOST", "unix:/run/olla.sock"])(
    "on %s is not",
    (host) => {
      expect(adviceFor({ host })).toEqual([]);
    },
  );
});

describe("an endpoint that is Olla itself is warned about", () => {
  const urls = [
    "http://localhost:40114",
    "https://127.0.0.1:40114/olla/openai",
    "http://[::1]:40115",
    "http://0.0.0.0:40114",
    "http://box:40114",
    "http://192.168.1.5:40114",
    "http://[fe80::1]:40114",
  ];
  const others = ["http://localhost:11434", "http://gpu:40114", "http://localhost", "nonsense"];
  const places = (...indices: number[]) => indices.map((index) => `discovery.static.endpoints.${index}.url`);

  test("by every name of the machine, when Olla listens on every address", () => {
    const found = adviceFor({ host: "0.0.0.0" }, [...urls, ...others], [{}]);
    expect(found).toEqual(places(0, 1, 2, 3, 4, 5, 6));
  });

  test("by the names of loopback alone, when it listens there", () => {
    expect(adviceFor({ host: "localhost" }, [...urls, ...others])).toEqual(places(0, 1, 2, 3));
  });

  test("by the one address, when it listens on one", () => {
    expect(adviceFor({ host: "192.168.1.5" }, [...urls, ...others], [{}])).toEqual(places(5));
  });

  test("at the usual ports, which addresses leave out", () => {
    expect(adviceFor({ host: "localhost", port: 80 }, ["http://localhost", "https://localhost"])).toEqual(
      places(0),
    );
    expect(adviceFor({ host: "localhost", port: 443 }, ["http://localhost", "https://localhost"])).toEqual(
      places(1),
    );
  });
});
