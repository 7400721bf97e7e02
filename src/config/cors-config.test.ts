import { describe, expect, test } from "bun:test";
import { loadConfig } from "./load.ts";
import { formatProblem } from "./problem.ts";

async function load(cors: string) {
  const text = `server: { cors: ${cors} }\n`;
  const { config, problems } = await loadConfig({
    path: "olla.yaml",
    env: {},
    cwd: "/",
    readFile: async () => text,
  });
  return { config, told: problems.map(formatProblem).join("\n") };
}

describe("server.cors", () => {
  test.each([
    "[https://chat.example.com]",
    "['*']",
    "['null']",
    "['https://*.example.com', 'http://localhost:*', 'chrome-extension://*']",
    "['http://[::1]:3000', 'file://', 'app://obsidian.md', 'http://a:8080', 'https://a:80']",
  ])("takes the origins %s", async (origins) => {
    const { config, told } = await load(`{ enabled: true, allowed_origins: ${origins} }`);
    expect(told).toBe("");
    expect(config?.server.cors.enabled).toBe(true);
  });

  test.each([
    ["allowed_origins: [chat.example.com]", "expected an origin as browsers send it"],
    ["allowed_origins: ['https://chat.example.com/']", "expected an origin as browsers send it"],
    ["allowed_origins: ['https://*.example.com/']", "expected an origin as browsers send it"],
    ["allowed_origins: ['https://chat.example.com/app']", "expected an origin as browsers send it"],
    ["allowed_origins: ['https://chat.example.com:443']", "expected an origin as browsers send it"],
    ["allowed_origins: ['https://me@chat.example.com']", "expected an origin as browsers send it"],
    ["allowed_origins: ['https://*.*.com']", 'expected at most one "*"'],
    ["allowed_origins: []", "expected at least one origin"],
    ["allow_credentials: true", 'because allowed_origins contains "*"'],
    ["max_age: -1", "expected 0 or more seconds, got -1 (server.cors.max_age)"],
    ['exposed_headers: ["X-A\\r\\nSet-Cookie: a=b"]', "expected names of letters, digits and dashes"],
    ["exposed_headers: ['X-A, X-B']", "expected names of letters, digits and dashes"],
    ["allowed_methods: ['GET POST']", "expected names of letters, digits and dashes"],
    ["allowed_headers: ['größe']", "expected names of letters, digits and dashes"],
  ])("refuses %s while it is on, and only then", async (setting, said) => {
    const on = await load(`{ enabled: true, ${setting} }`);
    expect(on.config).toBeUndefined();
    expect(on.told).toContain("server.cors");
    expect(on.told).toContain(said);
    expect((await load(`{ ${setting} }`)).config).toBeDefined();
  });
});
