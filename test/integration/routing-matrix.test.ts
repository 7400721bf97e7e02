// Route × name × health × strategy through the whole app: what clients are told. Every combination is in
// src/pipeline/route-matrix.test.ts.
import { expect, test } from "bun:test";
import { endpointOf } from "../conformance/engine/engine-case.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { type RunningOlla, startOlla } from "../support/start-olla.ts";
import { waitUntil } from "../support/wait-until.ts";

/** `route name`, then what is told with both up, with the first (`big`, Ollama) down, and with both down. */
const strict = `
  proxy  big     | 200 routed model_found first big     | 503 rejected model_unavailable - big    | 503 - - - big
  ollama big     | 200 routed model_found first big     | 503 - - - big                           | 503 - - - big
  vllm   big     | 404 rejected model_not_found - big   | 404 rejected model_not_found - big      | 503 - - - big
  proxy  Chat    | 200 routed alias 2 first big         | 200 routed alias 1 second small         | 503 - - - Chat
  openai chain   | 200 routed alias 2 first big         | 200 routed alias 1 second small         | 503 - - - chain
  ollama chain   | 200 routed alias 1 first big         | 503 - - - chain                         | 503 - - - chain
  vllm   chain   | 200 routed alias 1 second small      | 200 routed alias 1 second small         | 503 - - - chain
  proxy  onlybig | 200 routed alias 1 first big         | 503 rejected model_unavailable - onlybig | 503 - - - onlybig
  proxy  lost    | 404 rejected model_not_found - lost  | 404 rejected model_not_found - lost     | 503 - - - lost
  openai twin    | 200 routed alias 1 first big         | 503 rejected model_unavailable - twin   | 503 - - - twin
  vllm   twin    | 200 routed model_found second twin   | 200 routed model_found second twin      | 503 - - - twin
  lmstudio chat  | 404 - - - chat                       | 404 - - - chat                          | 404 - - - chat`;

const optimistic = `
  proxy  big     | 200 routed model_found first big     | 200 fallback all_healthy_fallback second big | 503 - - - big
  vllm   big     | 200 fallback model_not_found_fallback second big | 200 fallback model_not_found_fallback second big | 503 - - - big
  ollama big     | 200 routed model_found first big     | 503 - - - big                           | 503 - - - big
  proxy  chain   | 200 routed alias 2 first big         | 200 routed alias 1 second small         | 503 - - - chain
  proxy  onlybig | 200 routed alias 1 first big         | 503 rejected model_unavailable - onlybig | 503 - - - onlybig`;

const discovery = `
  proxy  big     | 200 routed model_found_no_refresh first big | 503 rejected model_unavailable_after_discovery - big | 503 - - - big
  proxy  chain   | 200 routed alias 2 first big         | 200 routed alias 1 second small         | 503 - - - chain
  vllm   big     | 503 rejected model_unavailable_after_discovery - big | 503 rejected model_unavailable_after_discovery - big | 503 - - - big`;

const strategies: readonly [type: string, options: Readonly<Record<string, unknown>>, table: string][] = [
  ["strict", {}, strict],
  ["optimistic", { fallback_behavior: "all" }, optimistic],
  ["discovery", { discovery_refresh_on_miss: true }, discovery],
];

/** Status, and of the routing headers what the tables show. */
async function tell(olla: RunningOlla, route: string, model: string): Promise<string> {
  const url = `${olla.url}/olla/${route}/v1/chat/completions`;
  const answer = await fetch(url, { method: "POST", body: JSON.stringify({ model }) });
  await answer.text();
  const told = ["routing-decision", "routing-reason", "endpoint", "model"].map(
    (name) => answer.headers.get(`x-olla-${name}`) ?? "-",
  );
  return [answer.status, ...told].join(" ").replace(/alias "\w+" resolved to (\d) endpoint\(s\)/, "alias $1");
}

async function bringDown(upstream: FakeUpstream, name: string, route: string, olla: RunningOlla) {
  await upstream[Symbol.asyncDispose]();
  await waitUntil(
    async () => {
      await tell(olla, route, name === "first" ? "big" : "small");
      const status = await (await fetch(`${olla.url}/internal/status/endpoints`)).json();
      const { endpoints } = status as { endpoints: { name: string; status: string }[] };
      return endpoints.some((endpoint) => endpoint.name === name && endpoint.status === "offline");
    },
    { what: `${name} is offline` },
  );
}

test.each(strategies)("%s", async (type, options, table) => {
  await using first = new FakeUpstream({ kind: "ollama", models: ["big"] });
  await using second = new FakeUpstream({ kind: "vllm", models: ["small", "twin"] });
  await using olla = await startOlla({
    endpoints: [endpointOf(first, "first", { priority: 200 }), endpointOf(second, "second")],
    sections: {
      model_registry: { routing_strategy: { type, options } },
      model_aliases: {
        chat: ["big", "small"],
        chain: [{ model: "big" }, "small"],
        onlybig: ["big"],
        lost: ["ghost"],
        // Also a model of the second endpoint, found where the alias leads nowhere.
        twin: ["big"],
      },
    },
  });
  const rows = table
    .trim()
    .split("\n")
    .map((line) => line.split("|").map((cell) => cell.trim().replace(/ +/g, " ")));
  const read = async () => {
    const found: string[] = [];
    for (const [asked = ""] of rows) {
      const [route = "", model = ""] = asked.split(" ");
      found.push(`${asked}: ${await tell(olla, route, model)}`);
    }
    return found;
  };
  const expected = (column: number) => rows.map((cells) => `${cells[0]}: ${cells[column]}`);

  expect(await read()).toEqual(expected(1));
  await bringDown(first, "first", "ollama", olla);
  expect(await read()).toEqual(expected(2));
  await bringDown(second, "second", "vllm", olla);
  expect(await read()).toEqual(expected(3));
});
