import { expect, test } from "bun:test";
import type { FirstLook } from "../app/fleet.ts";
import { formatSummary, logSummary, wrapWords } from "./startup-summary.ts";
import { createPainter } from "./terminal.ts";

const plain = createPainter(false);
const empty: FirstLook = { endpoints: [], modelNames: [], modelCounts: new Map(), searched: undefined };

test("a search that found something shows it as a config to start from", () => {
  const found = { name: "ollama-11434", url: "http://127.0.0.1:11434", profileName: "ollama" };
  const look: FirstLook = {
    ...empty,
    modelNames: ["llama3.2:latest"],
    searched: [
      { port: 8080, url: "http://127.0.0.1:8080", text: "nothing is listening" },
      { port: 11434, url: found.url, text: "Ollama, 1 model", found },
    ],
  };
  const text = formatSummary(look, "http://localhost:40114", plain);
  expect(text).toContain("http://127.0.0.1:8080   nothing is listening");
  expect(text).toContain('- { name: ollama-11434, url: "http://127.0.0.1:11434", type: ollama }');
  expect(text).toContain("llama3.2:latest");
  expect(text).toContain("http://localhost:40114/olla/openai/v1");
});

test("a search that found nothing shows what to write all the same", () => {
  expect(formatSummary({ ...empty, searched: [] }, "http://x", plain)).toContain("type: ollama }");
});

test("a log collector is told what to write, too, and only where there is no configuration", () => {
  const wholeLog = (look: FirstLook) => {
    const lines: string[] = [];
    logSummary({ info: (message, fields) => void lines.push(JSON.stringify([message, fields])) }, look, {
      url: "http://x",
      dashboardUrl: "http://x/internal/ui/",
    });
    return lines.join("\n");
  };
  expect(wholeLog({ ...empty, searched: [] })).toContain("type: ollama }");
  expect(wholeLog(empty)).not.toContain("ollama");
  expect(wholeLog(empty)).toContain('"dashboard_url":"http://x/internal/ui/"');
});

test("an empty list of endpoints is said plainly", () => {
  expect(formatSummary(empty, "http://x", plain)).toContain("No endpoints are configured");
});

test("hundreds of models are shown in a few lines, with how many there are besides", () => {
  const lines = wrapWords(
    Array.from({ length: 300 }, (_, index) => `model-${index}`),
    60,
  );
  expect(lines.length).toBeLessThan(8);
  expect(lines.at(-1)).toContain("and 276 more");
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(61);
});
