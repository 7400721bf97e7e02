// TLS on both sides of the whole app. Certificates are those of test/fixtures/tls, made for localhost and 127.0.0.1.
import { afterEach, describe, expect, test } from "bun:test";
import { copyFile, mkdtemp, rename, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, systemClock } from "../../src/lib/clock.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import type { OllaSettings } from "../support/olla-config.ts";
import { sourceCommand, spawnOlla } from "../support/spawn-olla.ts";
import { type RunningOlla, startOlla } from "../support/start-olla.ts";
import { serverNameAt, TlsClient } from "../support/tls-client.ts";
import { pairOf, pem, tlsPath } from "../support/tls-files.ts";
import { TokenStream } from "../support/upstream-behaviours.ts";
import { waitUntil } from "../support/wait-until.ts";

const chatPath = "/olla/openai/v1/chat/completions";
const chat = { model: "tiny", messages: [{ role: "user", content: "hi" }] };
const trusting = { ca: pem("authority.pem") };

function ask(url: string, tls: object = trusting, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url + chatPath, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(chat),
    tls,
    keepalive: false,
  });
}

describe("server.tls", () => {
  const tls = { cert: tlsPath("one.pem"), key: tlsPath("one.key") };

  function settingsFor(upstream: FakeUpstream, changes: Partial<OllaSettings["server"]> = {}): OllaSettings {
    return {
      endpoints: [{ name: "one", url: upstream.url, type: upstream.kind }],
      server: { tls: { ...tls, ...changes } },
    };
  }

  test("serves every route over https, and tells endpoints so", async () => {
    await using upstream = new FakeUpstream();
    await using olla = await startOlla(settingsFor(upstream));
    expect(olla.url).toBe(`https://127.0.0.1:${olla.port}`);
    expect((await fetch(`${olla.url}/internal/health`, { tls: trusting })).status).toBe(200);
    expect((await ask(olla.url)).status).toBe(200);
    expect(upstream.requests.at(-1)?.header("x-forwarded-proto")).toBe("https");
  });

  test("lets in nobody without a certificate of client_ca", async () => {
    await using upstream = new FakeUpstream();
    await using olla = await startOlla({
      ...settingsFor(upstream, { client_ca: tlsPath("authority.pem") }),
      readiness: "listening",
    });
    await expect(ask(olla.url)).rejects.toThrow();
    await expect(ask(olla.url, { ...trusting, ...pairOf("strange-client") })).rejects.toThrow();
    const answer = await waitUntil(async () => {
      const response = await ask(olla.url, { ...trusting, ...pairOf("client") });
      return response.status === 200 && response;
    });
    expect(answer.status).toBe(200);
    expect(olla.accessLog().every(({ status }) => status !== undefined)).toBe(true);
  });

  test("min_version 1.3 refuses older clients", async () => {
    await using upstream = new FakeUpstream();
    await using olla = await startOlla(settingsFor(upstream, { min_version: "1.3" }));
    await expect(TlsClient.open(olla.port, { maxVersion: "TLSv1.2" })).rejects.toThrow();
    using client = await TlsClient.open(olla.port);
    expect(client.protocol).toBe("TLSv1.3");
  });
});

/** Time as it is, but timers of half a minute, as between two looks at the files, end when the test says so. */
function createHastyClock(): { clock: Clock; passHalfMinute(): void } {
  const waiting = new Set<() => void>();
  return {
    clock: {
      ...systemClock,
      after(delayMs, callback) {
        if (delayMs !== 30_000) return systemClock.after(delayMs, callback);
        waiting.add(callback);
        return () => waiting.delete(callback);
      },
    },
    passHalfMinute() {
      const due = [...waiting];
      waiting.clear();
      for (const callback of due) callback();
    },
  };
}

describe("a renewed certificate", () => {
  test.each(["renamed into place", "behind a link that leads elsewhere now"])(
    "(%s) is met by new connections, and a stream begun before it ends whole",
    async (how) => {
      const folder = await mkdtemp(join(tmpdir(), "olla-tls-"));
      try {
        const put = async (name: string) => {
          for (const kind of ["pem", "key"]) {
            const fresh = join(folder, `fresh.${kind}`);
            if (how === "renamed into place") await copyFile(tlsPath(`${name}.${kind}`), fresh);
            else await symlink(tlsPath(`${name}.${kind}`), fresh);
            await rename(fresh, join(folder, `server.${kind}`));
          }
        };
        await put("one");
        let tokens: TokenStream | undefined;
        await using upstream = new FakeUpstream({
          behave: async (exchange) => {
            tokens = await TokenStream.start(exchange);
            await tokens.push("first");
          },
        });
        const { clock, passHalfMinute } = createHastyClock();
        const tls = { cert: join(folder, "server.pem"), key: join(folder, "server.key") };
        await using olla = await startOlla(
          {
            endpoints: [{ name: "one", url: upstream.url, type: upstream.kind }],
            proxy: { prefer_loaded: false },
            server: { tls, shutdown_timeout: "20s" },
          },
          clock,
        );
        using client = await TlsClient.open(olla.port);
        const body = JSON.stringify({ ...chat, stream: true });
        client.send(
          `POST ${chatPath} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
        );
        await waitUntil(() => client.received.includes("first"));

        await put("two");
        passHalfMinute();
        await waitUntil(() => olla.output().includes("New certificate in use"));
        expect(await serverNameAt(olla.port)).toBe("two");
        expect((await fetch(`${olla.url}/internal/health`, { tls: trusting, keepalive: false })).status).toBe(
          200,
        );
        // What stops now has to wait for the stream of the first certificate.
        const stopped = olla.stop();
        await tokens?.push("last");
        await tokens?.end();
        await waitUntil(() => client.received.endsWith("0\r\n\r\n"));
        expect(client.received).toContain("last");
        expect(client.received).toContain("[DONE]");
        await stopped;
        expect(olla.accessLog().find(({ path }) => path === chatPath)).toMatchObject({ status: 200 });
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  );
});

/** A vLLM behind TLS. */
class SecureUpstream implements AsyncDisposable {
  readonly #server: Bun.Server<undefined>;
  readonly seen: string[] = [];

  constructor(tls: Bun.TLSOptions | Bun.TLSOptions[]) {
    this.#server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      tls,
      fetch: (request) => {
        const { pathname } = new URL(request.url);
        this.seen.push(pathname);
        if (pathname === "/health") return new Response("");
        if (pathname === "/v1/models")
          return Response.json({ object: "list", data: [{ id: "tiny", object: "model" }] });
        return Response.json({ object: "chat.completion", choices: [{ message: { content: "hello" } }] });
      },
    });
  }

  get url(): string {
    return `https://127.0.0.1:${this.#server.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
  }
}

const running: AsyncDisposable[] = [];

afterEach(async () => {
  for (const each of running.splice(0)) await each[Symbol.asyncDispose]();
});

test("a variable that switches verification off for all of a process does not reach endpoints", async () => {
  await using secure = new SecureUpstream(pairOf("stranger"));
  await using olla = await spawnOlla(
    { endpoints: [{ name: "gpu", url: secure.url, type: "vllm" }], readiness: "all-probed" },
    sourceCommand,
    { NODE_TLS_REJECT_UNAUTHORIZED: "0" },
  );
  await waitUntil(() => /gpu has a certificate that cannot be verified/.test(olla.output()));
  expect((await ask(olla.url)).status).toBeGreaterThanOrEqual(500);
  expect(secure.seen).toEqual([]);
});

describe.each(["sherpa", "olla"] as const)("tls of an endpoint, engine %s", (engine) => {
  async function start(
    upstream: Bun.TLSOptions | Bun.TLSOptions[],
    tls: Record<string, unknown>,
    readiness: OllaSettings["readiness"] = "all-healthy",
  ): Promise<{ olla: RunningOlla; upstream: SecureUpstream }> {
    const secure = new SecureUpstream(upstream);
    running.push(secure);
    const olla = await startOlla({
      endpoints: [{ name: "gpu", url: secure.url, type: "vllm", tls }],
      proxy: { engine },
      readiness,
    });
    running.unshift(olla);
    return { olla, upstream: secure };
  }

  test("ca is believed by probes, model lists and traffic", async () => {
    const { olla, upstream } = await start(pairOf("one"), { ca: tlsPath("authority.pem") });
    expect((await ask(olla.url)).status).toBe(200);
    expect(new Set(upstream.seen)).toEqual(new Set(["/health", "/v1/models", "/v1/chat/completions"]));
  });

  test("an endpoint of unknown kind is found out behind its certificate", async () => {
    const secure = new SecureUpstream(pairOf("one"));
    running.push(secure);
    const olla = await startOlla({
      endpoints: [{ name: "gpu", url: secure.url, tls: { ca: tlsPath("authority.pem") } }],
      proxy: { engine },
    });
    running.unshift(olla);
    expect((await ask(olla.url)).status).toBe(200);
  });

  test("server_name is asked for and looked for in the certificate", async () => {
    const contexts = [
      { ...pairOf("stranger"), serverName: "elsewhere.example" },
      { ...pairOf("gpu"), serverName: "gpu.example" },
    ];
    const { olla } = await start(contexts, { ca: tlsPath("authority.pem"), server_name: "gpu.example" });
    expect((await ask(olla.url)).status).toBe(200);
  });

  test("insecure_skip_verify takes any certificate", async () => {
    const { olla } = await start(pairOf("stranger"), { insecure_skip_verify: true });
    expect((await ask(olla.url)).status).toBe(200);
  });

  test.each([
    [
      "of an unknown authority",
      "one",
      {},
      /cannot be verified \(set tls.ca .* or tls.insecure_skip_verify\)/,
    ],
    ["that it signed itself", "stranger", {}, /cannot be verified \(set tls.ca/],
    [
      "of another authority than tls.ca",
      "one",
      { ca: tlsPath("stranger.pem") },
      /cannot be verified \(set tls.ca/,
    ],
    ["for another name", "gpu", { ca: tlsPath("authority.pem") }, /for another name \(set tls.server_name/],
    [
      "for another name than tls.server_name",
      "one",
      { ca: tlsPath("authority.pem"), server_name: "gpu.example" },
      /for another name/,
    ],
    ["that has expired", "expired", { ca: tlsPath("authority.pem") }, /has expired/],
  ])(
    "a certificate %s is refused everywhere, and the log says what helps",
    async (_case, name, tls, cure) => {
      const { olla, upstream } = await start(pairOf(name), tls, "all-probed");
      await waitUntil(() => cure.test(olla.output()));
      expect(upstream.seen).toEqual([]);
      const status = await fetch(`${olla.url}/internal/status/endpoints`);
      expect(((await status.json()) as { endpoints: { status: string }[] }).endpoints[0]?.status).toBe(
        "offline",
      );
    },
  );

  test("a certificate that goes bad while traffic runs is the error tls, with its cure, and not retried", async () => {
    const secure = new SecureUpstream(pairOf("stranger"));
    running.push(secure);
    // Health is asked elsewhere, so that traffic is the first to meet the certificate.
    await using upstream = new FakeUpstream({ kind: "vllm" });
    const olla = await startOlla({
      endpoints: [
        {
          name: "gpu",
          url: secure.url,
          type: "vllm",
          health_check_url: `${upstream.url}/health`,
          model_url: `${upstream.url}/v1/models`,
        },
      ],
      proxy: { engine },
    });
    running.unshift(olla);
    const answer = await ask(olla.url);
    expect(answer.status).toBe(502);
    const { error } = (await answer.json()) as { error: { code: string; message: string } };
    expect(error.code).toBe("tls");
    expect(error.message).toContain('Endpoint "gpu" has a certificate that cannot be verified (set tls.ca');
    expect(secure.seen).toEqual([]);
  });

  test("two endpoints at one server never share what they trust", async () => {
    const secure = new SecureUpstream(pairOf("one"));
    running.push(secure);
    const olla = await startOlla({
      endpoints: [
        { name: "blind", url: secure.url, type: "vllm", tls: { insecure_skip_verify: true } },
        { name: "strict", url: secure.url.replace("127.0.0.1", "localhost"), type: "vllm" },
      ],
      proxy: { engine },
      readiness: "all-probed",
    });
    running.unshift(olla);
    await waitUntil(() => /strict has a certificate that cannot be verified/.test(olla.output()));
    for (let round = 0; round < 3; round += 1) expect((await ask(olla.url)).status).toBe(200);
    const rows = (await (await fetch(`${olla.url}/internal/status/endpoints`)).json()) as {
      endpoints: { name: string; status: string }[];
    };
    expect(rows.endpoints.find(({ name }) => name === "strict")?.status).toBe("offline");
  });
});
