import { describe, expect, test } from "bun:test";
import { brotliCompressSync, deflateSync, zstdCompressSync } from "node:zlib";
import { createFakeClock } from "../../test/support/fake-clock.ts";
import { OllaError } from "../errors.ts";
import { BodyBudget } from "./body-budget.ts";
import { type ReadBodyLimits, readBody } from "./read-body.ts";

const url = "http://olla.invalid/olla/proxy/v1/chat/completions";

function limitsWith(overrides: Partial<ReadBodyLimits> = {}): ReadBodyLimits {
  return { maxBytes: 10, timeoutMs: 0, budget: new BodyBudget(100), clock: createFakeClock(), ...overrides };
}

function declared(body: string, contentLength = String(body.length)): Request {
  return new Request(url, { method: "POST", body, headers: { "content-length": contentLength } });
}

interface ScriptedBody {
  readonly request: Request;
  send(text: string): void;
  end(): void;
  fail(error: Error): void;
  wasCancelled(): boolean;
}

/** A request whose body arrives as the test says, without a declared length. */
function chunked(signal?: AbortSignal): ScriptedBody {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  let isCancelled = false;
  const body = new ReadableStream<Uint8Array>({
    start(given) {
      controller = given;
    },
    cancel() {
      isCancelled = true;
    },
  });
  const headers = { "transfer-encoding": "chunked" };
  return {
    request: new Request(url, { method: "POST", body, headers, ...(signal === undefined ? {} : { signal }) }),
    send: (text) => controller?.enqueue(new TextEncoder().encode(text)),
    end: () => controller?.close(),
    fail: (error) => controller?.error(error),
    wasCancelled: () => isCancelled,
  };
}

async function failureOf(reading: () => unknown): Promise<OllaError> {
  try {
    await reading();
  } catch (error) {
    if (error instanceof OllaError) return error;
    throw error;
  }
  throw new Error("it was read without a failure");
}

describe("no body", () => {
  const empty: readonly [string, Request][] = [
    ["GET", new Request(url)],
    ["HEAD", new Request(url, { method: "HEAD" })],
    ["a POST without length and coding", new Request(url, { method: "POST" })],
    ["a declared length of 0", declared("", "0")],
  ];
  for (const [title, request] of empty) {
    test(`${title}: answered at once, without reading or reserving`, () => {
      const limits = limitsWith();
      const body = readBody(request, limits);
      expect(body).not.toBeInstanceOf(Promise);
      expect(body).toMatchObject({ bytes: undefined });
      expect(request.bodyUsed).toBe(false);
      expect(limits.budget.used).toBe(0);
    });
  }

  test("a chunked body without chunks is none", async () => {
    const limits = limitsWith();
    const body = chunked();
    body.end();
    expect((await readBody(body.request, limits)).bytes).toBeUndefined();
  });
});

describe("declared length", () => {
  test("up to the limit, inclusive: read, and reserved until released", async () => {
    const limits = limitsWith();
    const body = await readBody(declared("0123456789"), limits);
    expect(new TextDecoder().decode(body.bytes)).toBe("0123456789");
    expect(limits.budget.used).toBe(10);
    body.release();
    body.release();
    expect(limits.budget.used).toBe(0);
  });

  test("over the limit: refused before anything is read", async () => {
    const limits = limitsWith();
    const request = declared("01234567890");
    const error = await failureOf(() => readBody(request, limits));
    expect(error).toMatchObject({ code: "body_too_large", status: 413 });
    expect(request.bodyUsed).toBe(false);
    expect(limits.budget.used).toBe(0);
  });

  test("no limit when it is 0", async () => {
    const body = await readBody(declared("x".repeat(50)), limitsWith({ maxBytes: 0 }));
    expect(body.bytes?.byteLength).toBe(50);
  });

  test("no room left: refused before anything is read, with the advice to come again", async () => {
    const limits = limitsWith({ budget: new BodyBudget(15) });
    const first = await readBody(declared("0123456789"), limits);
    const request = declared("012345");
    const error = await failureOf(() => readBody(request, limits));
    expect(error).toMatchObject({ code: "buffer_full", status: 503, retryAfterSeconds: 1 });
    expect(request.bodyUsed).toBe(false);
    first.release();
    expect((await readBody(declared("012345"), limits)).bytes?.byteLength).toBe(6);
  });
});

describe("chunked", () => {
  test("chunks are joined and reserved as they come", async () => {
    const limits = limitsWith();
    const body = chunked();
    const reading = readBody(body.request, limits);
    for (const part of ["012", "345", "6"]) body.send(part);
    body.end();
    const read = await reading;
    expect(new TextDecoder().decode(read.bytes)).toBe("0123456");
    expect(limits.budget.used).toBe(7);
    read.release();
    expect(limits.budget.used).toBe(0);
  });

  test("past the limit: refused without waiting for the end, nothing stays reserved", async () => {
    const limits = limitsWith();
    const body = chunked();
    const failure = failureOf(() => readBody(body.request, limits));
    body.send("012345");
    body.send("6789x");
    expect(await failure).toMatchObject({ code: "body_too_large" });
    expect(body.wasCancelled()).toBe(true);
    expect(limits.budget.used).toBe(0);
  });

  test("past the room left: refused, nothing stays reserved", async () => {
    const limits = limitsWith({ budget: new BodyBudget(8) });
    const body = chunked();
    const failure = failureOf(() => readBody(body.request, limits));
    body.send("012345");
    body.send("678");
    expect(await failure).toMatchObject({ code: "buffer_full", status: 503 });
    expect(limits.budget.used).toBe(0);
  });

  test("a body that breaks is unreadable, and the reason is kept", async () => {
    const limits = limitsWith();
    const body = chunked();
    const failure = failureOf(() => readBody(body.request, limits));
    const reason = new Error("broken");
    body.fail(reason);
    const error = await failure;
    expect(error).toMatchObject({ code: "unreadable_body", status: 400 });
    expect(error.cause).toBe(reason);
    expect(limits.budget.used).toBe(0);
  });

  test("a client that left is named first, whatever else went wrong", async () => {
    const limits = limitsWith();
    const client = new AbortController();
    const body = chunked(client.signal);
    const failure = failureOf(() => readBody(body.request, limits));
    client.abort();
    body.fail(new Error("connection closed"));
    expect(await failure).toMatchObject({ code: "client_abort" });
    expect(limits.budget.used).toBe(0);
  });
});

describe("time", () => {
  test("a body that does not arrive in time is given up, and its bytes are free", async () => {
    const clock = createFakeClock();
    const limits = limitsWith({ clock, timeoutMs: 30_000 });
    const body = chunked();
    const failure = failureOf(() => readBody(body.request, limits));
    body.send("012");
    await clock.advanceAsync(29_999);
    expect(limits.budget.used).toBe(3);
    await clock.advanceAsync(1);
    const error = await failure;
    expect(error).toMatchObject({ code: "request_timeout", status: 408 });
    expect(error.message).toContain("30.0 seconds");
    expect(limits.budget.used).toBe(0);
  });

  test("no timer is left behind when all is well", async () => {
    const clock = createFakeClock();
    await readBody(declared("012"), limitsWith({ clock, timeoutMs: 30_000 }));
    expect(clock.pendingTimers()).toBe(0);
  });

  test("no timer at all when the limit is 0", async () => {
    const clock = createFakeClock();
    const body = chunked();
    const reading = readBody(body.request, limitsWith({ clock }));
    expect(clock.pendingTimers()).toBe(0);
    body.end();
    await reading;
  });
});

describe("a compressed body", () => {
  const packers: readonly [encoding: string, pack: (text: string) => Uint8Array<ArrayBuffer>][] = [
    ["gzip", (text) => Bun.gzipSync(text)],
    ["X-Gzip ", (text) => Bun.gzipSync(text)],
    ["deflate", (text) => new Uint8Array(deflateSync(text))],
    ["br", (text) => new Uint8Array(brotliCompressSync(text))],
    ["zstd", (text) => new Uint8Array(zstdCompressSync(text))],
  ];
  const packed = (bytes: Uint8Array<ArrayBuffer>, encoding: string) => {
    const headers = { "content-length": String(bytes.byteLength), "content-encoding": encoding };
    return new Request(url, { method: "POST", body: bytes, headers });
  };

  test.each(packers)("in %s is kept as it came, and unpacked inside the budget", async (encoding, pack) => {
    const budget = new BodyBudget(10_000);
    const text = '{"model":"a"}'.repeat(50);
    const bytes = pack(text);
    const body = await readBody(packed(bytes, encoding), limitsWith({ maxBytes: 1_000, budget }));
    expect(body.bytes).toEqual(bytes);
    expect(new TextDecoder().decode(body.plain)).toBe(text);
    expect(budget.used).toBe(bytes.byteLength + text.length);
    body.release();
    expect(budget.used).toBe(0);
  });

  test.each(packers)("in %s may not unpack to more than a plain one may have", async (encoding, pack) => {
    const budget = new BodyBudget(0);
    const request = packed(pack("x".repeat(5_000_000)), encoding);
    const error = await failureOf(() => readBody(request, limitsWith({ maxBytes: 100_000, budget })));
    expect(error.code).toBe("body_too_large");
    expect(error.message).toEndWith("once decompressed");
    expect(budget.used).toBe(0);
  });

  test("that unpacks to more than the budget holds is put off", async () => {
    const budget = new BodyBudget(10_000);
    const request = packed(Bun.gzipSync("x".repeat(50_000)), "gzip");
    const error = await failureOf(() => readBody(request, limitsWith({ maxBytes: 0, budget })));
    expect(error.code).toBe("buffer_full");
    expect(budget.used).toBe(0);
  });

  test.each(packers)("that is no %s is a client's mistake", async (encoding) => {
    const budget = new BodyBudget(1_000);
    const request = packed(new TextEncoder().encode('{"model":"a"}'), encoding);
    const error = await failureOf(() => readBody(request, limitsWith({ maxBytes: 100, budget })));
    expect(error.code).toBe("unreadable_body");
    expect(error.cause).toBeDefined();
    expect(budget.used).toBe(0);
  });

  test.each(["identity", "gzip, br", "aws-chunked", ""])("called %p is left as it is", async (encoding) => {
    const bytes = new TextEncoder().encode('{"model":"a"}');
    const body = await readBody(packed(bytes, encoding), limitsWith({ maxBytes: 100 }));
    expect(body.plain).toBe(body.bytes);
  });
});
