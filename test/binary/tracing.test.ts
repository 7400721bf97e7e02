// Traces out of the compiled file, whose code for them is loaded only when they are asked for.
import { describe, expect, test } from "bun:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { OtlpReceiver } from "../support/otlp-receiver.ts";
import { spawnOlla } from "../support/spawn-olla.ts";
import { within } from "../support/wait-until.ts";

const isAskedFor = process.env.OLLA_TEST_BINARY === "1";
const reason = isAskedFor ? "" : " (skipped: needs dist/olla, run `npm run test:binary`)";

describe.skipIf(!isAskedFor)(`the compiled file${reason}`, () => {
  test("delivers its last traces when it is told to stop", async () => {
    await using receiver = new OtlpReceiver();
    await using upstream = new FakeUpstream();
    await using olla = await spawnOlla(
      { endpoints: [{ name: "one", url: upstream.url, type: upstream.kind }] },
      undefined,
      {
        OLLA_TELEMETRY_OTLP_ENABLED: "true",
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
        OTEL_SERVICE_NAME: "compiled",
      },
    );
    const answer = await fetch(`${olla.url}/olla/proxy/v1/chat/completions`, {
      method: "POST",
      body: JSON.stringify({ model: "tiny", messages: [] }),
    });
    expect(answer.status).toBe(200);
    olla.signal("SIGTERM");
    expect(await within(olla.exited, 5_000, "olla exits")).toBe(0);
    const [trace] = receiver.traces();
    expect(trace?.request.resource["service.name"]).toBe("compiled");
    expect(trace?.attempts.map(({ name }) => name)).toEqual(["chat tiny"]);
  });
});
