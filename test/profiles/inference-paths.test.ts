// Every path of inference that a profile lists, for each kind: two endpoints of that kind have a model each, and the
// request for a model arrives where it is, with every byte of its body.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { builtinProfiles } from "../../src/profiles/builtin.ts";
import type { Profile } from "../../src/profiles/profile.ts";
import { type Exchange, SocketServer } from "../support/socket-server.ts";
import { type RunningOlla, startOlla } from "../support/start-olla.ts";

/** What a client sends to have a model do something, by the end of the path. */
const families: Readonly<Record<string, RegExp>> = {
  chat: /\/(?:chat|chat\/completions(?:\/vision|\/batch|\/input_tokens)?)$/,
  completion: /(?<!\/chat)\/(?:completions?|generate|infill)$/,
  responses: /\/responses(?:\/input_tokens)?$/,
  messages: /\/messages$/,
  embedding: /\/(?:embed|embeddings?|encode|pooling)$/,
  ranking: /\/(?:rerank|reranking|reranker|score|classify|generative_scoring|get_ppl)$/,
  tokens: /\/(?:tokenize|detokenize|apply-template)$/,
  audio: /\/audio\/(?:speech|transcriptions|translations|generations|process)$/,
  image: /\/images\/(?:generations|edits|variations|upscale)$/,
  moderation: /\/moderations$/,
};

/** Those that have no model in the body, or that Olla answers itself: it may count tokens better than the endpoint. */
const otherPaths =
  /^\/$|\/(?:models|health|readiness|liveness|metrics|version|stats|system-info|status|pull|load|unload|delete|tags|ps|show|is_sleeping|count_tokens|get_tokenizer_info|batch|extend)$/;

function familyOf(path: string): string | undefined {
  return Object.keys(families).find((family) => families[family]?.test(path));
}

/** By what people upload files. */
const takesFiles = /\/(?:transcriptions|translations|process|edits|variations|upscale)$/;

class Backend implements AsyncDisposable {
  readonly posts: Exchange[] = [];
  readonly #server: SocketServer;

  constructor(model: string) {
    // In the shape of every kind's list at once.
    const list = { object: "list", data: [{ id: model, object: "model" }], models: [{ name: model, model }] };
    this.#server = new SocketServer((exchange) => {
      if (exchange.method === "GET") return exchange.respondJson(list);
      this.posts.push(exchange);
      return exchange.respondJson({ object: "answer" });
    });
  }

  get url(): string {
    return this.#server.url;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}

async function bodyFor(
  path: string,
  model: string,
): Promise<{ contentType: string; bytes: Uint8Array<ArrayBuffer> }> {
  if (!takesFiles.test(path)) {
    // Ollama keeps no responses, so that others are kept by us.
    const text = `{ "input" :"x", "store":false, "model": ${JSON.stringify(model)}}\n`;
    const bytes = new TextEncoder().encode(text);
    return { contentType: "application/json", bytes };
  }
  const form = new FormData();
  form.append("file", new File(["RIFF\r\n--\u0000data"], "a.wav"));
  form.append("model", model);
  const request = new Response(form);
  return {
    contentType: request.headers.get("content-type") ?? "",
    bytes: new Uint8Array(await request.arrayBuffer()),
  };
}

/** Where a request for the path arrives. */
function targetOf({ openaiBase, paths, anthropic }: Profile, path: string): string {
  if (path === "/v1/messages" && anthropic !== undefined) return anthropic.messagesPath;
  return path.startsWith("/v1/") && !paths.includes(path) ? openaiBase + path.slice("/v1".length) : path;
}

const served = new Map<string, Map<string, number>>();

afterAll(() => {
  const names = Object.keys(families);
  const rows = [...served].map(([profile, counts]) => [
    profile.padEnd(20),
    ...names.map((name) => String(counts.get(name) ?? "-").padEnd(name.length)),
  ]);
  const lines = [["paths by profile".padEnd(20), ...names], ...rows].map((row) => row.join("  "));
  process.stdout.write(`\n${lines.join("\n")}\n`);
});

/** They run llama.cpp, whose Responses official clients fail on: decision 0052. Its translation is tested elsewhere. */
const isTranslated = ({ name }: Profile, path: string) =>
  path === "/v1/responses" && ["llamacpp", "lemonade", "docker-model-runner"].includes(name);

for (const profile of builtinProfiles()) {
  const known = profile.unsupportedPaths.map(({ path }) => path);
  const paths = profile.paths.filter((path) => !known.includes(path));
  const inference = paths.filter((path) => familyOf(path) !== undefined);
  // Clients of OpenAI's API ask for these at their usual place, too.
  const moved = inference.flatMap((path) =>
    profile.openaiBase !== "/v1" && path.startsWith(`${profile.openaiBase}/`)
      ? [`/v1${path.slice(profile.openaiBase.length)}`]
      : [],
  );

  describe(profile.name, () => {
    let olla: RunningOlla;
    const backends = { first: new Backend("first-model"), second: new Backend("second-model") };
    const counts = new Map<string, number>();
    served.set(profile.name, counts);

    beforeAll(async () => {
      olla = await startOlla({
        endpoints: Object.entries(backends).map(([name, { url }]) => ({ name, url, type: profile.name })),
      });
    });

    afterAll(async () => {
      await olla[Symbol.asyncDispose]();
      await backends.first[Symbol.asyncDispose]();
      await backends.second[Symbol.asyncDispose]();
    });

    test("every listed path is one of inference or known to be something else", () => {
      expect(paths.filter((path) => familyOf(path) === undefined && !otherPaths.test(path))).toEqual([]);
    });

    const passedOn = [...inference, ...moved].filter((path) => !isTranslated(profile, path));

    test.each(passedOn)("%s", async (path) => {
      for (const prefix of [profile.prefixes[0], "proxy"]) {
        for (const [name, backend] of Object.entries(backends)) {
          const { contentType, bytes } = await bodyFor(path, `${name}-model`);
          const answer = await fetch(`${olla.url}/olla/${prefix}${path}?a=%2F`, {
            method: "POST",
            headers: { "content-type": contentType },
            body: bytes,
          });
          expect(await answer.json()).toEqual({ object: "answer" });
          expect(answer.headers.get("x-olla-endpoint")).toBe(name);
          expect(answer.headers.get("x-olla-model")).toBe(`${name}-model`);
          const arrived = backend.posts.at(-1);
          expect(arrived?.target).toBe(`${targetOf(profile, path)}?a=%2F`);
          expect(arrived?.header("content-type")).toBe(contentType);
          expect(Buffer.compare(arrived?.body ?? new Uint8Array(), bytes)).toBe(0);
        }
      }
      const family = familyOf(path) ?? "";
      counts.set(family, (counts.get(family) ?? 0) + 1);
    });
  });
}
