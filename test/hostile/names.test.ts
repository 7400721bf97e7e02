// Names that break headers, in the configuration: either the program says no at start, or they do no harm.
import { describe, expect, test } from "bun:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { type SpawnedOlla, spawnOlla } from "../support/spawn-olla.ts";
import { chatPath, sendRaw } from "./hostile-olla.ts";

const names = [
  "evil\r\nX-Forged: 1",
  "evil\nX-Forged: 1",
  "evil\r\n\r\nHTTP/1.1 200 OK",
  "evil\u0000x",
  "größe-模型",
  "evil\u2028x\u0085y",
  "http://127.0.0.1:1/",
  "../../internal/status",
];

/** Undefined where it refused to start, in clear words. */
async function start(settings: Parameters<typeof spawnOlla>[0]): Promise<SpawnedOlla | undefined> {
  try {
    return await spawnOlla(settings);
  } catch (error) {
    expect(String(error)).toContain("olla exited with");
    expect(String(error)).not.toMatch(/\n\s+at .*\.ts:\d+/);
    return undefined;
  }
}

async function expectNothingForged(olla: SpawnedOlla, model: string): Promise<void> {
  const body = JSON.stringify({ model });
  const head = `POST ${chatPath} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
  const text = await sendRaw(olla, Buffer.from(head + body));
  const [answerHead = ""] = text.split("\r\n\r\n", 1);
  expect(answerHead).toMatch(/^HTTP\/1\.1 (200|404) /);
  expect(answerHead).not.toMatch(/(^|[\r\n])(X-Forged|HTTP\/1\.1 200 OK\r\n.*HTTP)/i);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  expect(answerHead.replaceAll("\r\n", "")).not.toMatch(/[\u0000-\u0008\u000a-\u001f\u007f]/);
  expect((await fetch(`${olla.url}/internal/health`)).status).toBe(200);
  for (const line of olla.output().split("\n")) expect(line).not.toStartWith("X-Forged");
}

describe("in the configuration", () => {
  test.each(names)("an alias %p", async (name) => {
    await using upstream = new FakeUpstream({ kind: "vllm" });
    await using olla = await start({
      endpoints: [{ name: "gpu", url: upstream.url, type: "vllm" }],
      sections: { model_aliases: { [name]: ["tiny"] } },
    });
    if (olla === undefined) return;
    await expectNothingForged(olla, name);
  });

  test.each(names)("an endpoint %p", async (name) => {
    await using upstream = new FakeUpstream({ kind: "vllm" });
    await using olla = await start({ endpoints: [{ name, url: upstream.url, type: "vllm" }] });
    if (olla === undefined) return;
    await expectNothingForged(olla, "tiny");
    await expectNothingForged(olla, name);
  });
});

test("names of an endpoint's own models that break headers do no harm either", async () => {
  await using upstream = new FakeUpstream({ kind: "vllm", models: [...names, "tiny"] });
  await using olla = await spawnOlla({ endpoints: [{ name: "gpu", url: upstream.url, type: "vllm" }] });
  for (const name of names) await expectNothingForged(olla, name);
});
