import { expect, test } from "bun:test";
import OpenAI from "openai";
import { startDemo } from "../support/start-demo.ts";

test("the demo's own curl line streams word by word, and Ctrl-C ends it with exit code 0", async () => {
  await using demo = await startDemo();
  // As curl would send it; curl itself may not be there.
  const [, url = "", body = ""] = /^curl -N (\S+) -d '([^']*)'$/m.exec(demo.output()) ?? [];
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const answer = await fetch(url, { method: "POST", headers, body });
  let pieces = 0;
  let text = "";
  for await (const piece of answer.body ?? []) {
    pieces++;
    text += new TextDecoder().decode(piece);
  }
  expect(pieces).toBeGreaterThan(10);
  expect(text).toContain("[simulated]");
  expect(text).toEndWith("data: [DONE]\n\n");
  expect(await demo.stop()).toBe(0);
}, 20_000);

test("the settings it prints work with the OpenAI SDK, and both endpoints take part", async () => {
  await using demo = await startDemo();
  const model = /model="(.+?)"/.exec(demo.output())?.[1] ?? "";
  const client = new OpenAI({ baseURL: `${demo.url}/olla/openai/v1`, apiKey: "not-needed", maxRetries: 0 });
  const answers = await Promise.all(
    [1, 2].map(() => client.chat.completions.create({ model, messages: [{ role: "user", content: "Hi" }] })),
  );
  const texts = answers.map((answer) => answer.choices[0]?.message.content ?? "").sort();
  expect(texts[0]).toContain("simulated-a");
  expect(texts[1]).toContain("simulated-b");
});

test("a second demo takes another port and says so", async () => {
  await using first = await startDemo();
  await using second = await startDemo();
  expect(second.output()).toContain("in use");
  expect(second.url).not.toBe(first.url);
  expect((await fetch(`${second.url}/internal/health`)).status).toBe(200);
});
