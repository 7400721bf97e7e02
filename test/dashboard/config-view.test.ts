// What the configuration view shows, and what it never does.
import { describe, expect, test } from "bun:test";
import { digestOf } from "../../src/lib/key-digest.ts";
import { type OllaSettings, startOlla } from "../support/start-olla.ts";

interface View {
  readonly sections: readonly {
    readonly path: string;
    readonly keys: readonly { readonly key: string; readonly value: unknown; readonly source: string }[];
  }[];
  readonly lists: Readonly<Record<string, readonly Record<string, unknown>[]>>;
}

const canary = "canary-9f8e7d6c5b4a3210";
const settings: OllaSettings = {
  readiness: "listening",
  endpoints: [
    {
      name: "alpha",
      url: `http://127.0.0.1:1/v1?api_key=${canary}`,
      type: "vllm",
      health_check_url: `http://127.0.0.1:1/health?key=${canary}`,
      check_interval: "7s",
      auth: { type: "bearer", token: canary },
      headers: { "X-Secret": canary },
    },
  ],
  server: { admin: { key: canary }, read_timeout: "90s" },
  sections: {
    auth: { keys: [{ name: "one", hash: `sha256:${digestOf("client-key-0123456789")}`, models: ["a"] }] },
    telemetry: {
      otlp: { endpoint: `https://collector.example/v1?token=${canary}`, headers: { Authorization: canary } },
    },
  },
};

async function readView(url: string): Promise<{ text: string; view: View }> {
  const answer = await fetch(`${url}/internal/config`, { headers: { Authorization: `Bearer ${canary}` } });
  expect(answer.status).toBe(200);
  const text = await answer.text();
  return { text, view: JSON.parse(text) as View };
}

function keyOf(view: View, key: string): { value: unknown; source: string } | undefined {
  const found = view.sections.flatMap(({ keys }) => keys).find((each) => each.key === key);
  return found && { value: found.value, source: found.source };
}

describe("/internal/config", () => {
  test("shows no credential, key, hash, or what addresses carry", async () => {
    await using olla = await startOlla(settings);
    const { text, view } = await readView(olla.url);
    for (const secret of [canary, digestOf(canary), digestOf("client-key-0123456789")]) {
      expect(text).not.toContain(secret);
    }
    expect(view.lists["discovery.static.endpoints"]).toMatchObject([
      {
        name: "alpha",
        url: "http://127.0.0.1:1/v1?***",
        check_interval: "7s",
        headers: { "X-Secret": "***" },
      },
    ]);
    expect(view.lists["auth.keys"]).toMatchObject([{ name: "one", hash: "***", models: ["a"] }]);
    expect(keyOf(view, "server.admin.key")).toEqual({ value: "***", source: "set" });
    expect(keyOf(view, "telemetry.otlp.headers")?.value).toEqual({ Authorization: "***" });
    expect(keyOf(view, "telemetry.otlp.endpoint")?.value).toBe("https://collector.example/v1?***");
  });

  test("shows what is in force, in the file's words, and whether somebody set it", async () => {
    await using olla = await startOlla(settings);
    const { view } = await readView(olla.url);
    expect(keyOf(view, "server.read_timeout")).toEqual({ value: "1m30s", source: "set" });
    expect(keyOf(view, "proxy.prefer_loaded")).toEqual({ value: true, source: "default" });
    expect(keyOf(view, "dashboard.access_policy.allowed_hosts")?.value).toEqual(["localhost"]);
  });

  test("is for operators, reading included", async () => {
    await using olla = await startOlla({ readiness: "listening", endpoints: [] });
    const own = await fetch(`${olla.url}/internal/config`);
    expect(own.status).toBe(200);
    await own.text();
    const other = await fetch(`${olla.url}/internal/config`, { headers: { "X-Forwarded-For": "192.0.2.1" } });
    expect(other.status).toBe(403);
    await other.text();
  });
});
