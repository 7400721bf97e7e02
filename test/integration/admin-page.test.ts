import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { type RunningOlla, startOlla } from "../support/start-olla.ts";
import { hangAfterTokens, sseToken } from "../support/upstream-behaviours.ts";
import { waitUntil } from "../support/wait-until.ts";

const page = await Bun.file(new URL("../../docs/admin-api.md", import.meta.url)).text();

/** The commands of the page, in its order, each a line. */
const commands = [...page.matchAll(/```sh\n(.*?)```/gs)]
  .flatMap(([, block = ""]) => block.split("\n"))
  .map((line) => line.replace(/ {2,}#.*$/, ""))
  .filter((line) => line.startsWith("curl "));

const isMissing = Bun.which("curl") === null;

describe.skipIf(isMissing)(
  `the commands of docs/admin-api.md work${isMissing ? " (skipped: there is no curl here)" : ""}`,
  () => {
    const id = "a-request-of-the-page";
    const leave = new AbortController();
    let upstream: FakeUpstream;
    let olla: RunningOlla;
    let streaming: Response;

    beforeAll(async () => {
      upstream = new FakeUpstream();
      olla = await startOlla({ endpoints: [{ name: "desk", url: upstream.url, type: "openai-compatible" }] });
      const ask = (body: object) =>
        fetch(`${olla.url}/olla/proxy/v1/chat/completions`, {
          method: "POST",
          headers: { "X-Request-ID": id },
          body: JSON.stringify({ model: "tiny", messages: [], ...body }),
          signal: leave.signal,
        });
      await (await ask({})).arrayBuffer();
      upstream.behave = hangAfterTokens([sseToken("hel")]);
      // One that is still under way, to be cancelled.
      streaming = await ask({ stream: true });
      await waitUntil(() => upstream.requests.length === 2, { what: "the second request is under way" });
    });

    afterAll(async () => {
      leave.abort();
      await streaming.text().catch(() => undefined);
      await olla[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    });

    test("there are commands", () => expect(commands.length).toBeGreaterThan(10));

    test.each(commands)("%s", async (command) => {
      const isEndless = command.startsWith("curl -N ");
      const options = `--silent --show-error --fail-with-body --max-time ${isEndless ? 1 : 10}`;
      const shell = Bun.spawn(["sh", "-c", command.replace("curl", `curl ${options}`)], {
        env: { PATH: process.env.PATH ?? "", OLLA: olla.url, OLLA_ADMIN_KEY: "not-needed", ID: id },
        stdout: "pipe",
        stderr: "pipe",
      });
      const [out, errors] = await Promise.all([
        new Response(shell.stdout).text(),
        new Response(shell.stderr).text(),
      ]);
      const timedOut = 28;
      expect([await shell.exited, errors]).toEqual([isEndless ? timedOut : 0, isEndless ? errors : ""]);
      if (isEndless) expect(out).toContain("event: hello");
      else expect(JSON.parse(out)).toBeObject();
    });
  },
);

test("the error on the page is what Olla says", async () => {
  await using upstream = new FakeUpstream();
  await using olla = await startOlla({
    endpoints: [{ name: "desk", url: upstream.url, type: "openai-compatible" }],
  });
  const answer = await fetch(`${olla.url}/internal/endpoints/dsk/drain`, { method: "POST" });
  const [, shown = ""] = /```json\n(.*?)```/s.exec(page) ?? [];
  expect(JSON.parse(shown)).toEqual(await answer.json());
});
