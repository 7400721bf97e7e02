// What Prometheus' own tool says of a scrape and of the alert rules.
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { createTestServer, outcomeOf } from "../server/test-server.ts";

const promtool = process.env.OLLA_TEST_PROMTOOL ?? Bun.which("promtool") ?? undefined;
const isRequired = process.env.OLLA_TEST_MONITORING === "1";
const obstacle =
  promtool === undefined ? " (skipped: there is no promtool, which is in Debian's package prometheus)" : "";
const folder = join(import.meta.dir, "../../docs/monitoring");

/** Names of the reference, which dashboards have; everything else has to be clean. */
const inherited: readonly string[] = [
  "olla_avg_latency_ms",
  "olla_endpoint_avg_latency_ms",
  "olla_endpoint_models_count",
  "olla_endpoint_traffic_bytes",
  "olla_endpoints_total",
  "olla_model_avg_latency_ms",
  "olla_model_endpoint_avg_latency_ms",
  "olla_model_p95_latency_ms",
  "olla_model_p99_latency_ms",
  "olla_model_traffic_bytes",
  "olla_models_total",
  "olla_models_traffic_bytes",
];

async function runPromtool(args: readonly string[], input = ""): Promise<{ code: number; output: string }> {
  const child = Bun.spawn([promtool ?? "promtool", ...args], {
    cwd: folder,
    stdin: new Blob([input]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { code: await child.exited, output: `${stdout}${stderr}` };
}

test("promtool is there where it has to be", () => {
  expect(isRequired && promtool === undefined).toBe(false);
});

describe.skipIf(promtool === undefined)(`promtool${obstacle}`, () => {
  test("has nothing against a scrape but the inherited names", async () => {
    const server = createTestServer();
    server.addEndpoint({ name: 'al"pha\\' });
    server.stats.recordOutcome(outcomeOf({ endpoint: 'al"pha\\', route: "openai" }));
    const scrape = await (await server.request("/internal/metrics")).text();
    const { output } = await runPromtool(["check", "metrics"], scrape);
    const complaints = output.split("\n").filter((line) => line !== "");
    expect(complaints.map((line) => line.split(" ")[0] ?? "").sort()).toEqual([...inherited]);
  });

  test("would complain of a bad name", async () => {
    const { output } = await runPromtool(["check", "metrics"], "# TYPE olla_bad_ms counter\nolla_bad_ms 1\n");
    expect(output).toContain("olla_bad_ms");
  });

  test("accepts the alert rules, which fire when they should", async () => {
    const check = await runPromtool(["check", "rules", "alerts.yaml"]);
    expect(check).toMatchObject({ code: 0, output: expect.stringContaining("SUCCESS") });
    const tests = await runPromtool(["test", "rules", "alerts.test.yaml"]);
    expect(tests).toMatchObject({ code: 0, output: expect.stringContaining("SUCCESS") });
  });
});
