import { describe, expect, test } from "bun:test";
import { loadConfig } from "./load.ts";
import type { OtlpSettings } from "./otlp-settings.ts";
import { formatProblem } from "./problem.ts";

async function load(otlp: Record<string, unknown>, env: Record<string, string> = {}) {
  const text = JSON.stringify({ telemetry: { otlp: { enabled: true, ...otlp } } });
  const loaded = await loadConfig({ path: "olla.yaml", env, cwd: "/", readFile: async () => text });
  return { ...loaded, said: loaded.problems.map(formatProblem) };
}

async function settings(
  env: Record<string, string>,
  otlp: Record<string, unknown> = {},
): Promise<OtlpSettings> {
  const { otlp: read, said } = await load(otlp, env);
  expect(said).toEqual([]);
  if (read === undefined) throw new Error("nothing is traced");
  return read;
}

const revealed = ({ headers }: OtlpSettings) => headers.map(([name, value]) => [name, value.reveal()]);

test("without any variable traces go to the usual place, all of them", async () => {
  expect(await settings({})).toEqual({
    url: "http://localhost:4318/v1/traces",
    headers: [],
    sampler: { isParentBased: true, ratio: 1 },
    resource: [["service.name", "olla"]],
    convention: "v1.41",
    timeoutMs: 10_000,
    delayMs: 5000,
    maxBatchSpans: 512,
    maxQueuedSpans: 2048,
  });
});

test("while traces are off nobody minds what the variables say", async () => {
  const { otlp, said } = await load({ enabled: false }, { OTEL_EXPORTER_OTLP_ENDPOINT: "nonsense" });
  expect([otlp, said]).toEqual([undefined, []]);
});

describe("the address", () => {
  test.each([
    ["http://collector:4318", "http://collector:4318/v1/traces"],
    ["http://collector:4318/", "http://collector:4318/v1/traces"],
    ["https://host/otlp", "https://host/otlp/v1/traces"],
    ["https://host/otlp/v1/traces", "https://host/otlp/v1/traces"],
    ["https://host/otlp?team=a", "https://host/otlp/v1/traces?team=a"],
  ])("telemetry.otlp.endpoint: %s leads to %s", async (endpoint, url) => {
    expect((await settings({}, { endpoint })).url).toBe(url);
  });

  test("of a variable is a base, or the place itself, and ours wins over both", async () => {
    const base = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://base:4318/x/" };
    expect((await settings(base)).url).toBe("http://base:4318/x/v1/traces");
    const both = { ...base, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://traces:4318/here" };
    expect((await settings(both)).url).toBe("http://traces:4318/here");
    expect((await settings(both, { endpoint: "http://ours" })).url).toBe("http://ours/v1/traces");
    const own = { ...both, OLLA_TELEMETRY_OTLP_ENDPOINT: "http://variable" };
    expect((await settings(own)).url).toBe("http://variable/v1/traces");
  });

  test.each(["collector:4318", "grpc://collector:4317", "not a url", ""])(
    "%p is refused, with the place where it stands",
    async (endpoint) => {
      const { said, config } = await load({ endpoint });
      expect(config).toBeUndefined();
      expect(said[0]).toMatch(/^olla\.yaml:1:\d+ {2}telemetry\.otlp\.endpoint: expected a /);
    },
  );

  test("with credentials inside is refused without being repeated, wherever it comes from", async () => {
    const endpoint = "http://user:s3cret@collector:4318";
    for (const { said, otlp } of [
      await load({ endpoint }),
      await load({}, { OLLA_TELEMETRY_OTLP_ENDPOINT: endpoint }),
      await load({}, { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }),
      await load({}, { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: endpoint }),
    ]) {
      expect(otlp).toBeUndefined();
      expect(said.join()).toContain("put credentials into telemetry.otlp.headers");
      expect(said.join()).not.toContain("s3cret");
    }
  });

  test("a wrong variable is named", async () => {
    const { said } = await load({}, { OTEL_EXPORTER_OTLP_ENDPOINT: "collector" });
    expect(said).toEqual([
      'OTEL_EXPORTER_OTLP_ENDPOINT  expected a URL such as http://localhost:4318, got "collector"',
    ]);
  });
});

describe("headers", () => {
  test("come from the key, else from the variables for traces, else from those for all", async () => {
    const env = { OTEL_EXPORTER_OTLP_HEADERS: "api-key=a%20b, other = x=y" };
    expect(revealed(await settings(env))).toEqual([
      ["api-key", "a b"],
      ["other", "x=y"],
    ]);
    const both = { ...env, OTEL_EXPORTER_OTLP_TRACES_HEADERS: "only=traces" };
    expect(revealed(await settings(both))).toEqual([["only", "traces"]]);
    expect(revealed(await settings(both, { headers: { Ours: "1" } }))).toEqual([["Ours", "1"]]);
  });

  test("that cannot be sent are pointed out without their values", async () => {
    const { said, config } = await load({ headers: { "a b": "s3cret", fine: "s3cret\n" } });
    expect(config).toBeUndefined();
    expect(said).toEqual([
      "olla.yaml:1:55  telemetry.otlp.headers.a b: expected the name of a header",
      "olla.yaml:1:71  telemetry.otlp.headers.fine: expected a value of printable ASCII characters",
    ]);
    expect(said.join()).not.toContain("s3cret");
    const variable = await load({}, { OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer s3cret,s3cret" });
    expect(variable.said).toEqual([
      "OTEL_EXPORTER_OTLP_HEADERS  expected name=value pairs, percent-encoded; the variable counts for nothing",
    ]);
    expect(variable.otlp?.headers).toEqual([]);
  });

  test("print as nothing", async () => {
    const { otlp, config } = await load({ headers: { authorization: "Bearer s3cret" } });
    expect(JSON.stringify([otlp, config])).not.toContain("s3cret");
  });
});

describe("the share of traces", () => {
  test.each([
    ["always_on", { isParentBased: false, ratio: 1 }],
    ["always_off", { isParentBased: false, ratio: 0 }],
    ["traceidratio", { isParentBased: false, ratio: 0.25 }],
    ["parentbased_always_on", { isParentBased: true, ratio: 1 }],
    ["parentbased_always_off", { isParentBased: true, ratio: 0 }],
    ["parentbased_traceidratio", { isParentBased: true, ratio: 0.25 }],
  ])("is what OTEL_TRACES_SAMPLER=%s says", async (name, sampler) => {
    const env = { OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: "0.25" };
    expect((await settings(env)).sampler).toEqual(sampler);
  });

  test("is what our own key says, where it is set", async () => {
    const env = { OTEL_TRACES_SAMPLER: "always_off" };
    const expected = { isParentBased: true, ratio: 0.5 };
    expect((await settings(env, { sample_ratio: 0.5 })).sampler).toEqual(expected);
    expect((await settings({ ...env, OLLA_TELEMETRY_OTLP_SAMPLE_RATIO: "0.5" })).sampler).toEqual(expected);
  });

  test("a sampler or a share that is none is named, and all are traced", async () => {
    const unknown = await load({}, { OTEL_TRACES_SAMPLER: "toString" });
    expect(unknown.said[0]).toStartWith("OTEL_TRACES_SAMPLER  expected one of always_on, ");
    expect(unknown.otlp?.sampler).toEqual({ isParentBased: true, ratio: 1 });
    const env = { OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "half" };
    const wrong = await load({}, env);
    expect(wrong.said).toEqual([
      'OTEL_TRACES_SAMPLER_ARG  expected a number from 0 to 1, got "half"; all are traced',
    ]);
    expect((await load({ sample_ratio: 1.5 })).config).toBeUndefined();
  });
});

test("the resource is named by its variables, the service by its own first", async () => {
  const env = { OTEL_RESOURCE_ATTRIBUTES: "service.name=other,deployment.environment.name=a%2Cb" };
  expect((await settings(env)).resource).toEqual([
    ["service.name", "other"],
    ["deployment.environment.name", "a,b"],
  ]);
  expect((await settings({ ...env, OTEL_SERVICE_NAME: "mine" })).resource[0]).toEqual([
    "service.name",
    "mine",
  ]);
  const { said, otlp } = await load({}, { OTEL_RESOURCE_ATTRIBUTES: "a=1,b=%zz" });
  expect(said[0]).toStartWith("OTEL_RESOURCE_ATTRIBUTES  ");
  expect(otlp?.resource).toEqual([["service.name", "olla"]]);
});

test("batches, the queue and the time for one try follow their variables", async () => {
  const env = {
    OTEL_BSP_SCHEDULE_DELAY: "100",
    OTEL_BSP_MAX_QUEUE_SIZE: "64",
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "128",
    OTEL_EXPORTER_OTLP_TIMEOUT: "2000",
  };
  expect(await settings(env)).toMatchObject({
    delayMs: 100,
    maxQueuedSpans: 64,
    maxBatchSpans: 64,
    timeoutMs: 2000,
  });
  const one = { ...env, OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: "3000" };
  expect((await settings(one)).timeoutMs).toBe(3000);
  const { said, otlp } = await load({}, { OTEL_BSP_MAX_QUEUE_SIZE: "-1" });
  expect(said).toEqual(['OTEL_BSP_MAX_QUEUE_SIZE  expected a whole number above 0, got "-1"; 2048 counts']);
  expect(otlp?.maxQueuedSpans).toBe(2048);
});

test("OTEL_SEMCONV_STABILITY_OPT_IN chooses the names", async () => {
  const env = { OTEL_SEMCONV_STABILITY_OPT_IN: "http/dup, gen_ai_latest_experimental" };
  expect((await settings(env)).convention).toBe("latest");
});

test("OTEL_SDK_DISABLED keeps everything off, and says so", async () => {
  const { otlp, said } = await load({}, { OTEL_SDK_DISABLED: "TRUE" });
  expect(otlp).toBeUndefined();
  expect(said).toEqual([
    "OTEL_SDK_DISABLED  switches traces off although telemetry.otlp.enabled asks for them",
  ]);
  expect((await load({}, { OTEL_SDK_DISABLED: "false" })).otlp).toBeDefined();
});

test.each([
  ["OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"],
  ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"],
  ["OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"],
  ["OTEL_TRACES_EXPORTER", "zipkin"],
  ["OTEL_EXPORTER_OTLP_CERTIFICATE", "/etc/ca.pem"],
])("what %s asks for is not done, and Olla says so", async (variable, value) => {
  const { said, otlp } = await load({}, { [variable]: value });
  expect(said).toHaveLength(1);
  expect(said[0]).toStartWith(`${variable}  `);
  expect(otlp).toBeDefined();
});
