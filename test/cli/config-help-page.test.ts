import { expect, test } from "bun:test";
import { join } from "node:path";
import type { EndpointReport } from "../../src/cli/doctor/examine.ts";
import { renderEndpoint } from "../../src/cli/doctor/report.ts";
import { chooseUnasked } from "../../src/cli/init/choices.ts";
import { renderConfig } from "../../src/cli/init/render-config.ts";
import { createPainter } from "../../src/cli/terminal.ts";
import { runToEnd } from "../support/run-to-end.ts";
import { sourceCommand } from "../support/spawn-olla.ts";

const page = await Bun.file(join(import.meta.dir, "../../docs/config-help.md")).text();
const blocksOf = (language: string) =>
  [...page.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, "g"))].map(
    ([, block = ""]) => block,
  );
const [written = "", partial = ""] = blocksOf("yaml");
const [effective = "", examined = ""] = blocksOf("text");

test("the page shows the beginning of what olla init writes", () => {
  const url = "http://127.0.0.1:11434";
  const found = { name: "ollama-11434", url, profileName: "ollama" };
  const text = renderConfig(
    chooseUnasked([{ port: 11_434, url, text: "Ollama, 2 models", found }]),
    "config.schema.json",
  );
  expect(text).toStartWith(written);
});

test("the page shows lines of what olla validate prints as in force", async () => {
  const { code, stdout } = await runToEnd(["validate", "--print-effective"], {
    command: sourceCommand,
    files: { "config.yaml": partial },
    env: { OLLA_PROXY_ENGINE: "olla" },
  });
  expect(code).toBe(0);
  const lines = effective.trimEnd().split("\n");
  expect(lines.length).toBeGreaterThan(3);
  expect(lines.filter((line) => !stdout.split("\n").includes(line))).toEqual([]);
});

test("the page shows what olla doctor prints", () => {
  const reports: EndpointReport[] = [
    {
      name: "gpu-box",
      url: "https://gpu-box.lan:8000",
      type: "vllm",
      isWell: false,
      steps: [
        { name: "dns", verdict: "well", text: "192.168.1.20", tookMs: 2 },
        { name: "connect", verdict: "well", text: "port 8000 is open", tookMs: 1 },
        {
          name: "tls",
          verdict: "wrong",
          text: "the certificate expired on 2026-11-01",
          cure: "renew it on that machine",
          tookMs: 8,
        },
      ],
    },
    {
      name: "desk",
      url: "http://127.0.0.1:11434",
      type: "ollama",
      isWell: true,
      steps: [
        { name: "connect", verdict: "well", text: "port 11434 is open", tookMs: 1 },
        { name: "kind", verdict: "well", text: "Ollama 0.32.15", tookMs: 12 },
        { name: "health", verdict: "well", text: "HTTP 200 at /", tookMs: 2 },
        { name: "models", verdict: "well", text: "2 models: llama3.2:latest, nomic-embed-text" },
        {
          name: "token",
          verdict: "well",
          text: "the first of llama3.2:latest came as a stream",
          tookMs: 1400,
        },
      ],
    },
  ];
  const style = { painter: createPainter(false), width: 90 };
  const shown = reports.map((report) => `${renderEndpoint(report, style).join("\n")}\n`);
  expect(examined).toBe(shown.join("\n"));
});

test("the page explains every step that there is, and no other", async () => {
  const source = await Bun.file(join(import.meta.dir, "../../src/cli/doctor/step.ts")).text();
  const names = [...(/type StepName = (.*);/.exec(source)?.[1] ?? "").matchAll(/"(\w+)"/g)].map(
    ([, name = ""]) => name,
  );
  expect(names.length).toBeGreaterThan(5);
  expect([...page.matchAll(/^\| `(\w+)` \|/gm)].map(([, name = ""]) => name)).toEqual(names);
});
