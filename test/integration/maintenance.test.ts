// What operators do while Olla runs: take an endpoint out, bring it back, ask it how it is, and end a request.
import { describe, expect, test } from "bun:test";
import {
  chatBody,
  chatPath,
  endpointAt,
  endpointOf,
  endpointStatus,
  first,
  post,
  second,
  streamingChat,
} from "../conformance/engine/engine-case.ts";
import { findDeadPort } from "../support/dead-port.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { collectSse } from "../support/read-sse.ts";
import type { Exchange } from "../support/socket-server.ts";
import { type RunningOlla, startOlla } from "../support/start-olla.ts";
import {
  answerJson,
  completionOf,
  hangAfterTokens,
  hangBeforeHead,
  sseDone,
} from "../support/upstream-behaviours.ts";
import { waitUntil } from "../support/wait-until.ts";

type Body = Record<string, unknown>;

async function act(
  olla: RunningOlla,
  path: string,
  method = "POST",
): Promise<{ status: number; body: Body }> {
  const answer = await fetch(`${olla.url}/internal/${path}`, { method });
  return { status: answer.status, body: (await answer.json()) as Body };
}

async function servedBy(olla: RunningOlla, body = chatBody()): Promise<string | null> {
  const answer = await post(olla, body);
  await answer.arrayBuffer();
  return answer.headers.get("x-olla-endpoint");
}

async function live(olla: RunningOlla): Promise<readonly Body[]> {
  const { body } = await act(olla, "live", "GET");
  return body.requests as Body[];
}

async function liveIn(olla: RunningOlla, phase: string): Promise<Body> {
  let found: Body | undefined;
  await waitUntil(
    async () => {
      found = (await live(olla)).find((request) => request.phase === phase);
      return found !== undefined;
    },
    { what: `a request is ${phase}` },
  );
  return found ?? {};
}

async function finish(exchange: Exchange | undefined): Promise<void> {
  await exchange?.chunk(sseDone);
  await exchange?.endChunked();
}

describe("draining", () => {
  test("sends nothing new, lets a running stream finish, shows the count, and ends with enable", async () => {
    await using alpha = new FakeUpstream({ behave: hangAfterTokens(["one"]) });
    await using beta = new FakeUpstream();
    await using olla = await startOlla({
      endpoints: [endpointOf(alpha, "alpha", first), endpointOf(beta, "beta", second)],
    });
    const running = await post(olla, streamingChat);
    expect(running.headers.get("x-olla-endpoint")).toBe("alpha");

    const drained = await act(olla, "endpoints/alpha/drain");
    expect(drained).toEqual({
      status: 200,
      body: { endpoint: "alpha", draining: true, status: "healthy", connections: 1, queued: 0 },
    });
    expect(await endpointStatus(olla, "alpha")).toMatchObject({ draining: true, active_connections: 1 });
    expect(await endpointStatus(olla, "beta")).not.toHaveProperty("draining");
    for (let count = 0; count < 5; count += 1) expect(await servedBy(olla)).toBe("beta");
    expect(alpha.requests).toHaveLength(1);

    await finish(alpha.requests[0]);
    const { events, error } = await collectSse(running.body);
    expect(error).toBeUndefined();
    expect(events.at(-1)?.data).toBe("[DONE]");
    await waitUntil(async () => (await endpointStatus(olla, "alpha")).active_connections === 0, {
      what: "the stream is over",
    });

    alpha.behave = answerJson(completionOf("again"));
    const enabled = await act(olla, "endpoints/alpha/enable");
    expect(enabled.body).toMatchObject({ draining: false, connections: 0 });
    expect(await servedBy(olla)).toBe("alpha");
  });

  test("of the only endpoint is said to the client, in model lists too, and again when all are back", async () => {
    await using only = new FakeUpstream();
    await using olla = await startOlla({ endpoints: [endpointOf(only, "only")] });
    await act(olla, "endpoints/only/drain");
    const refused = await post(olla);
    expect(refused.status).toBe(503);
    const { error } = (await refused.json()) as { error: Body };
    expect(error.code).toBe("no_healthy_endpoints");
    expect(error.message).toContain('being drained: "only"');
    expect(only.requests).toHaveLength(0);
    const list = async () => {
      const answer = await fetch(`${olla.url}/olla/models`);
      return ((await answer.json()) as { data: unknown[] }).data.length;
    };
    expect(await list()).toBe(0);
    await act(olla, "endpoints/only/enable");
    expect(await list()).toBe(1);
    expect(await servedBy(olla)).toBe("only");
  });

  test("moves those who wait to the endpoints that are left, and refuses those who waited for it alone", async () => {
    await using alpha = new FakeUpstream({ behave: hangBeforeHead, models: ["tiny", "alone"] });
    await using beta = new FakeUpstream({ behave: hangBeforeHead, models: ["tiny"] });
    await using olla = await startOlla({
      endpoints: [
        endpointOf(alpha, "alpha", { ...first, max_concurrent: 1 }),
        endpointOf(beta, "beta", { ...second, max_concurrent: 1 }),
      ],
    });
    const held = [post(olla), post(olla)];
    await waitUntil(() => alpha.requests.length + beta.requests.length === 2, { what: "both are busy" });
    const waiting = [post(olla), post(olla, chatBody({}, "alone"))];
    await waitUntil(async () => (await live(olla)).filter(({ phase }) => phase === "queued").length === 2, {
      what: "two wait",
    });
    await act(olla, "endpoints/alpha/drain");
    const alone = await waiting[1];
    expect(alone?.status).toBe(503);
    expect(await alone?.text()).toContain("drained");

    beta.behave = answerJson(completionOf("beta"));
    await beta.requests[0]?.respondJson(completionOf("held"));
    expect((await waiting[0])?.headers.get("x-olla-endpoint")).toBe("beta");
    expect(alpha.requests).toHaveLength(1);
    await alpha.requests[0]?.respondJson(completionOf("held"));
    for (const answer of await Promise.all(held)) expect(answer.status).toBe(200);
  });

  test("takes a sticky conversation elsewhere, and a failing candidate's turn does not lead to it", async () => {
    await using alpha = new FakeUpstream();
    await using beta = new FakeUpstream();
    await using olla = await startOlla({
      endpoints: [endpointOf(alpha, "alpha", first), endpointOf(beta, "beta", second)],
      proxy: { sticky_sessions: { enabled: true } },
    });
    const turn = async () => {
      const answer = await post(olla, chatBody(), { headers: { "X-Olla-Session-ID": "talk" } });
      await answer.arrayBuffer();
      return [answer.headers.get("x-olla-endpoint"), answer.headers.get("x-olla-sticky-session")];
    };
    expect(await turn()).toEqual(["alpha", "miss"]);
    expect(await turn()).toEqual(["alpha", "hit"]);
    await act(olla, "endpoints/alpha/drain");
    expect((await turn())[0]).toBe("beta");
    beta.behave = answerJson({ error: { message: "busy" } }, 503);
    const refused = await post(olla, chatBody());
    expect(refused.status).toBe(503);
    expect(alpha.requests).toHaveLength(2);
  });
});

describe("probing", () => {
  test("an endpoint that is back is used at once, whatever back-off it was in", async () => {
    const port = findDeadPort();
    await using witness = new FakeUpstream();
    await using olla = await startOlla({
      endpoints: [
        { name: "back", url: `http://127.0.0.1:${port}`, type: "openai-compatible", check_interval: "60s" },
        endpointAt(witness.url, witness, "other", second),
      ],
      readiness: "all-probed",
    });
    for (let count = 0; count < 4; count += 1) {
      expect((await act(olla, "endpoints/back/probe")).body.status).toBe("offline");
    }
    const server = Bun.serve({
      port,
      hostname: "127.0.0.1",
      fetch: ({ url }) =>
        url.endsWith("/v1/models")
          ? Response.json({ object: "list", data: [{ id: "tiny", object: "model" }] })
          : Response.json(completionOf("back")),
    });
    try {
      expect((await act(olla, "endpoints/back/probe")).body.status).toBe("healthy");
      const { status, body } = await act(olla, "models/refresh");
      expect(status).toBe(200);
      expect(body.endpoints).toMatchObject([
        { name: "back", models: 1 },
        { name: "other", models: 1 },
      ]);
      await act(olla, "endpoints/other/drain");
      expect(await servedBy(olla)).toBe("back");
    } finally {
      await server.stop(true);
    }
  });
});

describe("cancelling", () => {
  const named = (id: string, body: string) => ({ method: "POST", body, headers: { "X-Request-ID": id } });

  test("a stream ends with an error in the client's dialect, and the endpoint stops working", async () => {
    await using upstream = new FakeUpstream({ behave: hangAfterTokens(["one"]) });
    await using olla = await startOlla({ endpoints: [endpointOf(upstream, "one")] });
    const answer = await fetch(`${olla.url}${chatPath}`, named("stream/1?", streamingChat));
    expect(await liveIn(olla, "streaming")).toMatchObject({
      id: "stream/1?",
      endpoint: "one",
      model: "tiny",
      stream: true,
      attempts: 1,
      method: "POST",
      path: chatPath,
    });
    const cancelled = await act(olla, `requests/${encodeURIComponent("stream/1?")}/cancel`);
    expect(cancelled).toEqual({ status: 200, body: { id: "stream/1?", cancelled: 1 } });
    const { events } = await collectSse(answer.body);
    const last = JSON.parse(events.at(-1)?.data ?? "{}") as { error?: Body };
    expect(last.error?.code).toBe("cancelled");
    await upstream.requests[0]?.gone;
    expect(await live(olla)).toEqual([]);
    const record = olla.accessLog().find(({ request_id }) => request_id === "stream/1?");
    expect(record).toMatchObject({ status: 200, ending: "cancelled", error_code: "cancelled" });
    // Nobody is to blame.
    expect(await endpointStatus(olla, "one")).toMatchObject({ status: "healthy" });
    expect(await servedByNothingElse(olla, upstream)).toBe(true);
  });

  test("a request that waits for an endpoint's answer is refused and sent nowhere else", async () => {
    await using alpha = new FakeUpstream({ behave: hangBeforeHead });
    await using beta = new FakeUpstream();
    await using olla = await startOlla({
      endpoints: [endpointOf(alpha, "alpha", first), endpointOf(beta, "beta", second)],
    });
    const asked = fetch(`${olla.url}/olla/anthropic/v1/messages`, {
      ...named(
        "thinking",
        JSON.stringify({ model: "tiny", max_tokens: 9, messages: [{ role: "user", content: "hi" }] }),
      ),
    });
    await liveIn(olla, "waiting");
    await act(olla, "requests/thinking/cancel");
    const answer = await asked;
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ type: "error", error: { type: "api_error" } });
    await alpha.requests[0]?.gone;
    expect(beta.requests).toHaveLength(0);
  });

  test("a request that waits for a place leaves the line", async () => {
    await using upstream = new FakeUpstream({ behave: hangBeforeHead });
    await using olla = await startOlla({
      endpoints: [endpointOf(upstream, "one", { max_concurrent: 1 })],
    });
    const held = post(olla);
    await waitUntil(() => upstream.requests.length === 1, { what: "the endpoint is busy" });
    const waiting = fetch(`${olla.url}${chatPath}`, named("in-line", chatBody()));
    await liveIn(olla, "queued");
    await act(olla, "requests/in-line/cancel");
    expect((await waiting).status).toBe(503);
    expect((await endpointStatus(olla, "one")).queue).toMatchObject({ depth: 0 });
    await upstream.requests[0]?.respondJson(completionOf("held"));
    expect((await held).status).toBe(200);
    expect(upstream.requests).toHaveLength(1);
  });

  async function servedByNothingElse(olla: RunningOlla, upstream: FakeUpstream): Promise<boolean> {
    upstream.behave = answerJson(completionOf("well"));
    return (await post(olla)).status === 200 && upstream.requests.length === 2;
  }
});

describe("what is refused", () => {
  test("other methods, names that are not there, requests that have ended", async () => {
    await using upstream = new FakeUpstream();
    await using olla = await startOlla({ endpoints: [endpointOf(upstream, "alpha")] });
    expect((await act(olla, "endpoints/alpha/drain", "GET")).status).toBe(405);
    const mistyped = await act(olla, "endpoints/alfa/drain");
    expect(mistyped.status).toBe(404);
    expect(JSON.stringify(mistyped.body)).toContain('there are \\"alpha\\"');
    expect((await act(olla, "endpoints/alpha/explode")).status).toBe(404);
    expect((await act(olla, "requests/gone/cancel")).body).toMatchObject({
      error: { code: "request_not_found" },
    });
  });

  test("whoever has no admin key where there is one, and any page of another site", async () => {
    await using upstream = new FakeUpstream();
    await using olla = await startOlla({
      readiness: "listening",
      endpoints: [endpointOf(upstream, "alpha")],
      server: { admin: { key: "canary-admin-key-0123456789" } },
    });
    for (const path of ["endpoints/alpha/drain", "models/refresh", "requests/x/cancel"]) {
      expect((await act(olla, path)).status).toBe(401);
    }
    expect((await act(olla, "live", "GET")).status).toBe(401);
    const page = await fetch(`${olla.url}/internal/endpoints/alpha/drain`, {
      method: "POST",
      headers: { Authorization: "Bearer canary-admin-key-0123456789", Origin: "https://elsewhere.example" },
    });
    expect(page.status).toBe(403);
  });
});
