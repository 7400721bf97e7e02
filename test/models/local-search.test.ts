import { afterEach, describe, expect, test } from "bun:test";
import { systemClock } from "../../src/lib/clock.ts";
import { LocalSearch, localPorts, searchLocalEndpoints } from "../../src/models/local-search.ts";
import { findDeadPort } from "../support/dead-port.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { findFreePort } from "../support/free-port.ts";
import { waitUntil } from "../support/wait-until.ts";
import {
  type ListServer,
  notFound,
  ollamaList,
  openaiList,
  profileNamed,
  profiles,
  serveLists,
  webPage,
} from "./discovery-fixture.ts";

const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

function serve(answer: ListServer["answer"], port = 0): ListServer {
  const server = serveLists(answer, port);
  cleanUps.push(() => server.stop());
  return server;
}

const openai = profileNamed("openai-compatible");
const ollama = profileNamed("ollama");
const search = { timeoutMs: 2000, clock: systemClock, version: "1" };

describe("looking for backends on this host", () => {
  test("only a model list of the port's kind is used, and every port is reported in plain words", async () => {
    const real = serve((path) => (path === "/api/tags" ? ollamaList("a") : notFound()));
    const page = serve(webPage);
    const missing = serve(notFound);
    const otherJson = serve(() => Response.json({ status: "ok" }));
    const otherKind = serve((path) => (path === "/v1/models" ? openaiList("b") : notFound()));
    const locked = serve(() => new Response("", { status: 401 }));
    const dead = findDeadPort();
    const reports = await searchLocalEndpoints({
      ...search,
      ports: [
        { port: real.port, profiles: [ollama] },
        { port: page.port, profiles: [openai] },
        { port: missing.port, profiles: [openai] },
        { port: otherJson.port, profiles: [openai] },
        { port: otherKind.port, profiles: [ollama] },
        { port: locked.port, profiles: [openai] },
        { port: dead, profiles: [ollama] },
      ],
    });
    expect(reports.map((report) => report.text)).toEqual([
      "Ollama, 1 model",
      "something answers, but not with a model list of OpenAI Compatible",
      "something answers, but not with a model list of OpenAI Compatible",
      "something answers, but not with a model list of OpenAI Compatible",
      "something answers, but not with a model list of Ollama",
      "something answers, but wants a key (HTTP 401)",
      "nothing is listening",
    ]);
    expect(reports.flatMap((report) => report.found ?? [])).toEqual([
      { name: `ollama-${real.port}`, url: real.url, profileName: "ollama" },
    ]);
  });

  test("a port that never answers costs its own timeout only", async () => {
    const clock = createFakeClock();
    const hanging = serve(() => new Promise<Response>(() => {}));
    const looking = searchLocalEndpoints({
      ...search,
      clock,
      ports: [{ port: hanging.port, profiles: [openai] }],
    });
    await waitUntil(() => hanging.asked.length === 1);
    clock.advance(2000);
    expect((await looking)[0]?.text).toBe("something is listening, but gave no model list in time");
  });

  test("a shared port is named after what is really there", async () => {
    const body = { object: "list", data: [{ id: "a", owned_by: "vllm" }] };
    const server = serve((path) => (path === "/v1/models" ? Response.json(body) : notFound()));
    const [report] = await searchLocalEndpoints({
      ...search,
      ports: [{ port: server.port, profiles: [openai, profileNamed("vllm")] }],
    });
    expect(report?.found?.profileName).toBe("vllm");
  });

  test("at llama.cpp's port both llama.cpp and any OpenAI-compatible server are found as what they are", async () => {
    const kinds = localPorts(profiles.all).find(({ port }) => port === 8080)?.profiles ?? [];
    const body = { models: [{ name: "tiny" }], object: "list", data: [{ id: "tiny", owned_by: "llamacpp" }] };
    const llama = serve((path) => (path === "/v1/models" ? Response.json(body) : notFound()));
    const other = serve((path) => (path === "/v1/models" ? openaiList("gpt-x") : notFound()));
    const reports = await searchLocalEndpoints({
      ...search,
      ports: [
        { port: llama.port, profiles: kinds },
        { port: other.port, profiles: kinds },
      ],
    });
    expect(reports.map(({ found }) => found?.profileName)).toEqual(["llamacpp", "openai-compatible"]);
  });

  test("the usual ports come from the profiles, llama.cpp's among them", () => {
    const byPort = new Map(
      localPorts(profiles.all).map(({ port, profiles: kinds }) => [
        port,
        kinds.map((kind) => kind.name).sort(),
      ]),
    );
    expect(byPort.get(11_434)).toEqual(["ollama"]);
    expect(byPort.get(1234)).toEqual(["lm-studio"]);
    expect(byPort.get(8000)).toEqual([
      "lemonade",
      "litellm",
      "omlx",
      "openai-compatible",
      "vllm",
      "vllm-mlx",
    ]);
    expect(byPort.get(8080)).toEqual(["litellm", "llamacpp", "openai-compatible"]);
    const withoutPorts = profiles.all.map((profile) => ({ ...profile, defaultPorts: [] }));
    expect(localPorts(withoutPorts).map(({ port }) => port)).toEqual([8080]);
  });
});

describe("LocalSearch", () => {
  test("goes on looking, and reports a backend that starts later, once", async () => {
    const clock = createFakeClock();
    const port = findFreePort();
    const early = serve((path) => (path === "/api/tags" ? ollamaList("a") : notFound()));
    const found: string[] = [];
    const localSearch = new LocalSearch({
      ...search,
      clock,
      ports: [
        { port: early.port, profiles: [ollama] },
        { port, profiles: [ollama] },
      ],
      intervalMs: 10_000,
      onFound: (endpoints) => found.push(...endpoints.map((endpoint) => endpoint.name)),
    });
    cleanUps.push(() => localSearch.stop());

    const reports = await localSearch.start();
    expect(reports.map((report) => report.found?.name)).toEqual([`ollama-${early.port}`, undefined]);
    expect(found).toEqual([]);

    const late = serve((path) => (path === "/api/tags" ? ollamaList("b") : notFound()), port);
    clock.advance(10_000);
    await waitUntil(() => found.length === 1);
    expect(found).toEqual([`ollama-${port}`]);
    expect(late.asked).toEqual(["/api/tags"]);
    expect(early.asked).toHaveLength(1);
    expect(clock.pendingTimers()).toBe(0);
  });

  test("a stop ends the search", async () => {
    const clock = createFakeClock();
    const localSearch = new LocalSearch({
      ...search,
      clock,
      ports: [{ port: findDeadPort(), profiles: [ollama] }],
      intervalMs: 10_000,
      onFound: () => {},
    });
    await localSearch.start();
    expect(clock.pendingTimers()).toBe(1);
    localSearch.stop();
    localSearch.stop();
    expect(clock.pendingTimers()).toBe(0);
  });
});
