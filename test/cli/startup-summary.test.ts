import { expect, test } from "bun:test";
import type { FirstLook } from "../../src/app/fleet.ts";
import { formatSummary } from "../../src/cli/startup-summary.ts";
import { createPainter } from "../../src/cli/terminal.ts";
import { initialHealth } from "../../src/endpoints/endpoint-health.ts";
import { builtinProfiles } from "../../src/profiles/builtin.ts";
import { sampleEndpoint } from "../endpoints/endpoint-samples.ts";

const plain = createPainter(false);

function profileNamed(name: string) {
  const profile = builtinProfiles().find((each) => each.name === name);
  if (profile === undefined) throw new Error(`no profile ${name}`);
  return profile;
}

/** Endpoints by name and kind, all of them up. */
function lookAt(kinds: Readonly<Record<string, string>>): FirstLook {
  const endpoints = Object.entries(kinds).map(([name, kind]) => ({
    endpoint: sampleEndpoint({ name, url: `http://${name}.test`, profile: profileNamed(kind) }),
    health: { ...initialHealth(0), status: "healthy" as const },
  }));
  return { endpoints, modelNames: [], modelCounts: new Map(), searched: undefined };
}

test("each endpoint is one line, with its models counted where they are known", () => {
  const look = lookAt({ desk: "ollama", rack: "vllm", spare: "vllm" });
  const text = formatSummary(
    { ...look, modelCounts: new Map(Object.entries({ desk: 12, rack: 1 })) },
    "http://x",
    plain,
  );
  expect(text).toContain("● desk   http://desk.test   ollama  healthy  12 models\n");
  expect(text).toContain("● rack   http://rack.test   vllm    healthy  1 model\n");
  expect(text).toContain("● spare  http://spare.test  vllm    healthy\n");
});

test("Ollama clients are sent to Ollama's API only where an Ollama may be behind it", () => {
  const address = "http://x/olla/ollama";
  expect(formatSummary(lookAt({ rack: "vllm" }), "http://x", plain)).not.toContain(address);
  expect(formatSummary(lookAt({ rack: "vllm", desk: "ollama" }), "http://x", plain)).toContain(address);
  expect(formatSummary(lookAt({}), "http://x", plain)).toContain(address);
});

test("addresses are https where the listener is, and usable ones behind a Unix socket", () => {
  const look = lookAt({ rack: "vllm" });
  expect(formatSummary(look, "https://x:1", plain)).toContain("https://x:1/olla/openai/v1");
  const text = formatSummary(look, "unix:/run/olla.sock", plain);
  expect(text).toContain("http://localhost/olla/openai/v1");
  expect(text).not.toContain("unix:/run/olla.sock/");
});

test("the operators' page is named where there is one, at the port where it is", () => {
  const look = lookAt({ rack: "vllm" });
  expect(formatSummary(look, "http://x", plain)).not.toContain("Dashboard");
  const text = formatSummary(look, "http://x:1", plain, {
    adminUrl: "http://x:2",
    dashboardUrl: "http://x:2/internal/ui/",
  });
  expect(text).toMatch(/Dashboard +http:\/\/x:2\/internal\/ui\/\n/);
  expect(text).toMatch(/Status +http:\/\/x:2\/internal\/status\n/);
});
