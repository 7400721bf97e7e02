// Conversations of the Messages API, written to files: off unless asked for, and never in anybody's way.
import { expect, test } from "bun:test";
import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { type RunningOlla, startOlla } from "../support/start-olla.ts";
import { answerJson, sseDone, sseToken } from "../support/upstream-behaviours.ts";
import { waitUntil } from "../support/wait-until.ts";

const key = "sk-ant-api03-0123456789abcdef";

function question(more: object = {}): Record<string, unknown> {
  return {
    model: "tiny",
    max_tokens: 9,
    messages: [{ role: "user", content: `my key is ${key}, keep it` }],
    mcp_servers: [{ url: "http://x", authorization_token: "hunter2" }],
    ...more,
  };
}

async function startInspected(inspector: object = {}) {
  const folder = await mkdtemp(join(tmpdir(), "olla-inspector-"));
  const upstream = new FakeUpstream({ models: ["tiny"] });
  const olla = await startOlla({
    endpoints: [{ name: "a", url: upstream.url, type: "openai-compatible" }],
    sections: {
      translators: {
        anthropic: { inspector: { enabled: true, output_dir: join(folder, "said"), ...inspector } },
      },
    },
  });
  const linesOf = async (session: string): Promise<Record<string, unknown>[]> => {
    const [day] = await readdir(join(folder, "said"));
    const text = await readFile(join(folder, "said", day ?? "", `${session}.jsonl`), "utf8");
    return text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  };
  return {
    folder,
    upstream,
    olla,
    /** Once so many are there. */
    lines: (session: string, count: number) =>
      waitUntil(
        async () => {
          const lines = await linesOf(session).catch(() => []);
          return lines.length >= count ? lines : undefined;
        },
        { what: `${count} lines of ${session}` },
      ),
    async [Symbol.asyncDispose]() {
      await olla[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function post(olla: RunningOlla, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${olla.url}/olla/anthropic/v1/messages`, {
    method: "POST",
    headers,
    body: JSON.stringify(body),
  });
}

test("a request and its answer are two lines, for the owner alone, without credentials", async () => {
  await using inspected = await startInspected();
  const answer = await post(inspected.olla, question(), { "x-session-id": "s-1", "x-api-key": key });
  expect(await answer.json()).toMatchObject({ content: [{ type: "text", text: "hello" }] });
  const [request, response] = await inspected.lines("s-1", 2);
  expect(request).toMatchObject({
    type: "request",
    ts: expect.stringMatching(/^\d{4}-.*Z$/),
    model: "tiny",
    body: { max_tokens: 9, mcp_servers: [{ authorization_token: "[REDACTED]" }] },
  });
  expect(response).toMatchObject({
    type: "response",
    body: { type: "message", content: [{ type: "text", text: "hello" }] },
  });
  expect(response).not.toHaveProperty("incomplete");
  const text = JSON.stringify([request, response]);
  expect(text).toContain("my key is [REDACTED], keep it");
  expect(text).not.toContain(key);
  expect(text).not.toContain("hunter2");
  // What the endpoint got is as it was.
  expect(inspected.upstream.requests[0]?.text).toContain(key);

  const said = join(inspected.folder, "said");
  const [day = ""] = await readdir(said);
  const now = new Date();
  expect(day).toBe(
    [now.getFullYear(), now.getMonth() + 1, now.getDate()]
      .map((part) => String(part).padStart(2, "0"))
      .join("-"),
  );
  expect((await stat(join(said, day))).mode & 0o777).toBe(0o700);
  expect((await stat(join(said, day, "s-1.jsonl"))).mode & 0o777).toBe(0o600);
  expect(inspected.olla.output()).toContain("What clients and models say is being written to files");
});

test("a stream is put together again, and a broken one is said to be", async () => {
  await using inspected = await startInspected();
  inspected.upstream.behave = async (exchange) => {
    await exchange.startChunked(200, { "Content-Type": "text/event-stream" });
    await exchange.chunk(sseToken("he"));
    await exchange.chunk(sseToken("llo"));
    await exchange.chunk(sseDone);
    await exchange.endChunked();
  };
  const whole = await post(inspected.olla, question({ stream: true }), { "x-session-id": "s" });
  expect(await whole.text()).toContain("message_stop");
  const [, response] = await inspected.lines("s", 2);
  expect(response).toMatchObject({
    body: { type: "message", content: [{ type: "text", text: "hello" }], stop_reason: "end_turn" },
  });
  expect(response).not.toHaveProperty("incomplete");

  inspected.upstream.behave = async (exchange) => {
    await exchange.startChunked(200, { "Content-Type": "text/event-stream" });
    await exchange.chunk(sseToken("he"));
    exchange.close();
  };
  const broken = await post(inspected.olla, question({ stream: true }), { "x-session-id": "s" });
  await broken.text().catch(() => "");
  const lines = await inspected.lines("s", 4);
  expect(lines[3]).toMatchObject({ type: "response", incomplete: true });
});

test("sessions are named by the header, else by the request's id; improper names have one file", async () => {
  await using inspected = await startInspected({ session_header: "X-Claude-Code-Session-Id" });
  await post(inspected.olla, question(), { "x-claude-code-session-id": "abc" });
  await post(inspected.olla, question(), { "x-request-id": "r1" });
  await post(inspected.olla, question(), { "x-claude-code-session-id": "../../etc/x" });
  await post(inspected.olla, question());
  await inspected.lines("abc", 2);
  await inspected.lines("r1", 2);
  await inspected.lines("default", 4);
  expect(await readdir(inspected.folder)).toEqual(["said"]);
});

test("no request fails because nothing can be written", async () => {
  await using inspected = await startInspected();
  await writeFile(join(inspected.folder, "said"), "a file where a folder should be");
  const answer = await post(inspected.olla, question());
  expect(answer.status).toBe(200);
  expect(await answer.json()).toMatchObject({ type: "message" });
  await waitUntil(() => inspected.olla.output().includes("The inspector cannot write"), {
    what: "a warning",
  });
});

test("a link in the place of a file is not followed", async () => {
  await using inspected = await startInspected();
  await post(inspected.olla, question(), { "x-session-id": "first" });
  await inspected.lines("first", 2);
  const [day = ""] = await readdir(join(inspected.folder, "said"));
  const target = join(inspected.folder, "elsewhere");
  await symlink(target, join(inspected.folder, "said", day, "linked.jsonl"));
  await post(inspected.olla, question(), { "x-session-id": "linked" });
  await waitUntil(() => inspected.olla.output().includes("The inspector cannot write"), {
    what: "a warning",
  });
  expect(await readdir(inspected.folder)).toEqual(["said"]);
});

test("a client that hangs up stops the endpoint, inspected or not", async () => {
  await using inspected = await startInspected();
  inspected.upstream.behave = async (exchange) => {
    await exchange.startChunked(200, { "Content-Type": "text/event-stream" });
    await exchange.chunk(sseToken("he"));
  };
  const controller = new AbortController();
  const answer = await fetch(`${inspected.olla.url}/v1/messages`, {
    method: "POST",
    headers: { "x-session-id": "gone" },
    body: JSON.stringify(question({ stream: true })),
    signal: controller.signal,
  });
  await answer.body?.getReader().read();
  controller.abort();
  await inspected.upstream.requests[0]?.gone;
  expect((await inspected.lines("gone", 2))[1]).toMatchObject({ type: "response", incomplete: true });
});

test("only this API is written down, and nothing while it is off", async () => {
  await using inspected = await startInspected({ enabled: false });
  inspected.upstream.behave = answerJson({ choices: [] });
  await post(inspected.olla, question());
  await fetch(`${inspected.olla.url}/v1/chat/completions`, {
    method: "POST",
    body: JSON.stringify(question()),
  });
  await inspected.olla.stop();
  expect(await readdir(inspected.folder)).toEqual([]);
});
