import { expect, test } from "bun:test";
import { deleteCredentials, deleteHopByHop } from "./hop-headers.ts";

function left(headers: Headers): string[] {
  return [...headers.keys()];
}

test("what belongs to one connection goes", () => {
  const headers = new Headers({
    Connection: "keep-alive",
    "Keep-Alive": "timeout=5, max=100",
    "Proxy-Authenticate": "Basic",
    "Proxy-Authorization": "Basic eA==",
    "Proxy-Connection": "keep-alive",
    TE: "trailers",
    Trailer: "x-sum",
    "Transfer-Encoding": "chunked",
    Upgrade: "websocket",
    Accept: "application/json",
  });
  deleteHopByHop(headers);
  expect(left(headers)).toEqual(["accept"]);
});

test("what Connection names goes with it, in any case and spacing", () => {
  const headers = new Headers({ "X-Secret-Hop": "1", "x-other": "2", "x-kept": "3" });
  headers.append("connection", " close ,X-SECRET-hop,, x-absent");
  headers.append("connection", "X-Other");
  deleteHopByHop(headers);
  expect(left(headers)).toEqual(["x-kept"]);
});

test("names in Connection that are none do no harm", () => {
  const headers = new Headers({ connection: "a b, (c), \u00e9, =", "x-kept": "1" });
  deleteHopByHop(headers);
  expect(left(headers)).toEqual(["x-kept"]);
});

test("keys go, by every header that the APIs know for them", () => {
  const names = ["Authorization", "Cookie", "X-Api-Key", "X-Auth-Token", "api-key", "x-goog-api-key"];
  const headers = new Headers(names.map((name) => [name, "canary"]));
  headers.set("x-kept", "1");
  deleteCredentials(headers);
  expect(left(headers)).toEqual(["x-kept"]);
});
