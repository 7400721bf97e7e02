// Requests as an attacker writes them, against the running program. What is proved elsewhere is not repeated:
//
// | row | where |
// | --- | --- |
// | buckets exact under 50 clients, X-RateLimit headers, health's own limit | test/integration/rate-limits.test.ts, src/server/guard/*.test.ts |
// | X-Forwarded-For of 1,000 entries, IPv4-mapped addresses, whom a proxy may speak for | src/server/guard/client-address.test.ts, rate-limits.test.ts |
// | CIDRs with host bits, invalid entries | src/lib/cidr.test.ts |
// | keys: expired, malformed, twice, empty, in queries; all dialects | test/integration/client-keys.test.ts |
// | key files: missing, empty, world-readable | src/config/client-keys.test.ts |
// | 10,000 wrong keys | test/integration/client-keys.test.ts (in process), flood.test.ts (as a process, with its memory) |
// | certificates: no match, expired, broken renewal, wrong client | src/config/tls-files.test.ts, src/server/tls-renewal.test.ts, test/integration/tls.test.ts |
// | heads over 1 MB and over what the parser takes | test/integration/header-flood.test.ts |
// | bodies in chunks over the limit, bodies that stop | test/integration/read-body.test.ts; as a process: here |
// | admin side, foreign origins, unknown Host names, CORS | test/server/admin-side.test.ts, src/server/guard/*.test.ts |
// | secrets in no output | test/integration/secrets.test.ts, canaries.test.ts |
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { portOf } from "../support/raw-client.ts";
import {
  adminKey,
  basePath,
  bearer,
  chatPath,
  clientKey,
  expectAlive,
  goodBody,
  type HostileOlla,
  sendRaw,
  startHostile,
} from "./hostile-olla.ts";

let hostile: HostileOlla;

beforeAll(async () => {
  hostile = await startHostile();
});

afterAll(() => hostile[Symbol.asyncDispose]());

afterEach(() => expectAlive(hostile));

const auth = `Authorization: Bearer ${clientKey}`;

/** A request with a good key that is hidden behind another one. */
const smuggled = `POST ${chatPath} HTTP/1.1\r\nHost: localhost\r\n${auth}\r\nX-Smuggled: 1\r\nContent-Length: ${goodBody.length}\r\n\r\n${goodBody}`;

function post(lines: readonly string[], body: string, target = chatPath): Uint8Array {
  const head = [`POST ${target} HTTP/1.1`, "Host: localhost", auth, ...lines].join("\r\n");
  return Buffer.from(`${head}\r\n\r\n${body}`, "latin1");
}

function countOfSmuggled(): number {
  return hostile.upstream.requests.filter(({ headers }) =>
    headers.some(([name]) => name.toLowerCase() === "x-smuggled"),
  ).length;
}

describe("no second request is hidden in one", () => {
  test.each<[string, readonly string[], string]>([
    [
      "CL and TE",
      [`Content-Length: ${goodBody.length}`, "Transfer-Encoding: chunked"],
      `0\r\n\r\n${smuggled}`,
    ],
    ["TE and CL", ["Transfer-Encoding: chunked", "Content-Length: 4"], `0\r\n\r\n${smuggled}`],
    ["two lengths", ["Content-Length: 0", `Content-Length: ${smuggled.length}`], smuggled],
    ["a list of lengths", [`Content-Length: 0, ${smuggled.length}`], smuggled],
    ["a signed length", ["Content-Length: +0"], smuggled],
    ["a negative length", ["Content-Length: -1"], smuggled],
    ["a hexadecimal length", ["Content-Length: 0x0"], smuggled],
    ["a length past 64 bits", ["Content-Length: 18446744073709551616"], smuggled],
    ["TE: xchunked", ["Transfer-Encoding: xchunked"], `0\r\n\r\n${smuggled}`],
    [
      "TE: identity before chunked",
      ["Transfer-Encoding: identity, chunked", "Content-Length: 5"],
      `0\r\n\r\n${smuggled}`,
    ],
    [
      "TE twice",
      ["Transfer-Encoding: chunked", "Transfer-Encoding: x", "Content-Length: 5"],
      `0\r\n\r\n${smuggled}`,
    ],
    ["a vertical tab in TE", ["Transfer-Encoding: \x0bchunked", "Content-Length: 5"], `0\r\n\r\n${smuggled}`],
    ["a space before the colon", [`Content-Length : ${smuggled.length}`], smuggled],
    ["a tab before the colon", ["Transfer-Encoding\t: chunked", "Content-Length: 5"], `0\r\n\r\n${smuggled}`],
    [
      "a folded line",
      ["X-Folded: a", " Transfer-Encoding: chunked", "Content-Length: 5"],
      `0\r\n\r\n${smuggled}`,
    ],
    ["a chunk size of garbage", ["Transfer-Encoding: chunked"], `zz\r\n${smuggled}`],
    ["a negative chunk size", ["Transfer-Encoding: chunked"], `-1\r\n${smuggled}`],
    ["a chunk size past 64 bits", ["Transfer-Encoding: chunked"], `10000000000000000\r\n${smuggled}`],
    [
      "a chunk that is longer than its size",
      ["Transfer-Encoding: chunked"],
      `2\r\n{}xx\r\n0\r\n\r\n${smuggled}`,
    ],
    ["a bare line feed after a chunk size", ["Transfer-Encoding: chunked"], `2\n{}\n0\n\n${smuggled}`],
    ["a NUL in a value", ["X-Nul: a\0b", "Content-Length: 9999"], smuggled],
    ["a bare CR in a value", ["X-Cr: a\rTransfer-Encoding: chunked", "Content-Length: 9999"], smuggled],
    ["a bare LF in a value", ["X-Lf: a\nX-Smuggled: 1", "Content-Length: 9999"], smuggled],
    ["a NUL in a name", ["X-N\0l: a", "Content-Length: 9999"], smuggled],
  ])("%s", async (_name, lines, body) => {
    const before = countOfSmuggled();
    const text = await sendRaw(hostile.olla, post(lines, body));
    expect(text).toMatch(/^(HTTP\/1\.1 (4\d\d|501|505) |$)/);
    // What follows a refused head is never read as another request.
    expect(countOfSmuggled()).toBe(before);
  });

  test("an extension of a chunk that has no end is given up", async () => {
    const text = await sendRaw(
      hostile.olla,
      post(["Transfer-Encoding: chunked"], `2;${"x".repeat(300_000)}\r\n{}\r\n0\r\n\r\n`),
    );
    expect(text).toMatch(/^(HTTP\/1\.1 \d\d\d |$)/);
  });
});

describe("nobody but the configuration says where requests go", () => {
  const outside = () => `127.0.0.1:${portOf(hostile.bystander.url)}`;

  test("no header", async () => {
    const url = hostile.bystander.url;
    const headers: Record<string, string> = {};
    for (const name of [
      "X-Olla-Endpoint",
      "X-Forwarded-Host",
      "X-Forwarded-Server",
      "Forwarded",
      "X-Original-URL",
      "X-Rewrite-URL",
      "X-Host",
      "Destination",
      "Location",
      "Referer",
      "X-Olla-Model",
    ]) {
      headers[name] = url;
    }
    const answer = await fetch(hostile.olla.url + chatPath, {
      method: "POST",
      headers: { ...headers, ...bearer() },
      body: goodBody,
    });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("x-olla-endpoint")).toBe("gpu");
  });

  test("no Host, and no target in absolute form", async () => {
    const targets = [`http://${outside()}${chatPath}`, `https://${outside()}/`, `//${outside()}${chatPath}`];
    for (const target of targets) {
      for (const host of [outside(), "localhost"]) {
        const text = await sendRaw(
          hostile.olla,
          `POST ${target} HTTP/1.1\r\nHost: ${host}\r\n${auth}\r\nContent-Length: ${goodBody.length}\r\n\r\n${goodBody}`,
        );
        expect(text).toMatch(/^HTTP\/1\.1 (200|308|4\d\d) /);
        // A browser would take // for another server.
        expect(text).not.toMatch(/\r\nLocation: (?!\/[^/\\])/i);
      }
    }
    const connect = await sendRaw(
      hostile.olla,
      `CONNECT ${outside()} HTTP/1.1\r\nHost: ${outside()}\r\n\r\n`,
    );
    expect(connect).toMatch(/^(HTTP\/1\.1 (4\d\d|501) |$)/);
  });

  test("nothing in a body", async () => {
    const url = hostile.bystander.url;
    const bodies = [
      { model: url },
      { model: `tiny@${url}` },
      { model: "gpu/../../secret" },
      { model: "tiny", base_url: url, api_base: url, endpoint: url, url },
      { model: "tiny", messages: [{ role: "user", content: [{ type: "image_url", image_url: { url } }] }] },
      { model: "tiny", previous_response_id: url, input: [{ type: "item_reference", id: url }] },
      { model: "tiny", input: [{ type: "input_file", file_url: url }] },
    ];
    for (const path of [
      chatPath,
      "/olla/proxy/v1/responses",
      "/olla/proxy/api/chat",
      "/olla/anthropic/v1/messages",
    ]) {
      for (const body of bodies) {
        const answer = await fetch(hostile.olla.url + path, {
          method: "POST",
          headers: bearer(),
          body: JSON.stringify({ max_tokens: 5, messages: [{ role: "user", content: "x" }], ...body }),
        });
        expect(answer.status).toBeLessThan(500);
        await answer.body?.cancel();
      }
    }
  });

  test("a client's key opens nothing of the admin side", async () => {
    for (const path of ["/internal/requests", "/internal/config"]) {
      const asked = (key: string) => fetch(hostile.olla.url + path, { headers: bearer(key) });
      const refused = await asked(clientKey);
      expect([path, refused.status]).toEqual([path, 401]);
      expect([path, [200, 404].includes((await asked(adminKey)).status)]).toEqual([path, true]);
    }
  });

  const families = [
    "/olla/proxy",
    "/olla/vllm",
    "/olla/openai",
    "/olla/openai-compatible",
    "/olla/anthropic",
    "/olla/ollama",
    "/v1",
    "/api",
  ];
  const climbs = [
    "/../../../x",
    "/%2e%2e/%2e%2e/%2e%2e/x",
    "/.%2e/%2E./x",
    "/v1/..%2f..%2f..%2fx",
    "/v1/..\\..\\x",
    "/%252e%252e/x",
    "/..;/..;/x",
    "/v1/..%5c..%5cx",
    "/../../../internal/status",
    "/%2e%2e/%2e%2e/internal/config",
    "//internal/status",
    "/%2finternal/status",
  ];
  test.each(families)("no dot segment: %s", async (family) => {
    for (const climb of climbs) {
      const text = await sendRaw(
        hostile.olla,
        `GET ${family}${climb} HTTP/1.1\r\nHost: localhost\r\n${auth}\r\n\r\n`,
      );
      expect([climb, text]).toEqual([climb, expect.stringMatching(/^HTTP\/1\.1 (200|30\d|4\d\d|50[123]) /)]);
      // Whatever the prefix makes of it, only the endpoint answers it well.
      if (text.startsWith("HTTP/1.1 200")) expect(text).toMatch(/\r\nX-Olla-Endpoint: gpu\r\n/i);
    }
    for (const { target } of hostile.upstream.requests) {
      expect(target).toStartWith(`${basePath}/`);
      expect(decodeURIComponent(target)).not.toMatch(/(^|[/\\])\.\.([/\\]|$)/);
    }
  });
});

describe("what is far too large", () => {
  const send = (
    body: string | Uint8Array<ArrayBuffer>,
    headers: Record<string, string> = {},
    path = chatPath,
  ) => fetch(hostile.olla.url + path, { method: "POST", headers: { ...bearer(), ...headers }, body });

  test("bodies, declared or in chunks", async () => {
    const declared = await sendRaw(hostile.olla, post(["Content-Length: 99999999"], "{"));
    expect(declared).toStartWith("HTTP/1.1 413 ");
    const pieces = `${(1_048_576).toString(16)}\r\n${"x".repeat(1_048_576)}\r\n`.repeat(5);
    const chunked = await sendRaw(hostile.olla, post(["Transfer-Encoding: chunked"], pieces));
    expect(chunked).toStartWith("HTTP/1.1 413 ");
  });

  test("paths, heads, numbers of headers", async () => {
    const long = await sendRaw(
      hostile.olla,
      post(["Content-Length: 2"], "{}", `/olla/proxy/${"p".repeat(100_000)}`),
    );
    expect(long).toMatch(/^HTTP\/1\.1 (200|4\d\d) /);
    const many = Array.from({ length: 10_000 }, (_, index) => `X-${index}: 1`);
    expect(await sendRaw(hostile.olla, post([...many, "Content-Length: 2"], "{}"))).toMatch(
      /^(HTTP\/1\.1 (200|4\d\d) |$)/,
    );
  });

  test("names of models", async () => {
    const answer = await send(JSON.stringify({ model: "m".repeat(1_000_000) }));
    expect((await answer.text()).length).toBeLessThan(5_000);
    for (const [, value] of answer.headers) expect(value.length).toBeLessThan(20_000);
  });

  const deep = 100_000;
  test.each([
    "/olla/proxy/v1/chat/completions",
    "/olla/proxy/v1/responses",
    "/olla/proxy/api/chat",
    "/olla/anthropic/v1/messages",
  ])("JSON of 100,000 levels: %s", async (path) => {
    for (const [open, close] of [
      ["[", "]"],
      ['{"a":', "}"],
    ] as const) {
      const value = `${open.repeat(deep)}1${close.repeat(deep)}`;
      const answer = await send(
        `{"model":"tiny","max_tokens":5,"messages":[{"role":"user","content":${value}}],"input":${value}}`,
        {},
        path,
      );
      expect([200, 400, 413]).toContain(answer.status);
      await answer.body?.cancel();
    }
  });

  test("many members, many parts, bodies that unpack to gigabytes", async () => {
    const members = Array.from({ length: 150_000 }, (_, index) => `"k${index}":1`).join(",");
    expect((await send(`{${members},"model":"tiny"}`)).status).toBe(200);
    const parts = '--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n\r\n'.repeat(60_000);
    const form = await send(
      `${parts}--b--\r\n`,
      { "Content-Type": "multipart/form-data; boundary=b" },
      "/olla/proxy/v1/audio/transcriptions",
    );
    expect(form.status).toBeLessThan(500);
    const bomb = new Uint8Array(gzipSync(Buffer.alloc(200 * 1024 * 1024, 0x20)));
    const unpacked = await send(bomb, { "Content-Encoding": "gzip" });
    expect(unpacked.status).toBe(413);
  });
});
