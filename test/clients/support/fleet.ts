import { join } from "node:path";
import { type SpawnedOlla, sourceCommand, spawnOlla } from "../../support/spawn-olla.ts";
import { type Script, ScriptedEndpoint } from "./scripted-endpoint.ts";
import type { Dialect } from "./turn.ts";

/**
 * How the tests reach models. `passthrough`: endpoints speak every dialect, and requests go through the route of their
 * kind. `translation`: endpoints speak chat completions only, and requests come in at the dialect's own route.
 */
export type Via = "passthrough" | "translation";

export const via: Via = process.env.OLLA_TEST_CLIENTS_VIA === "passthrough" ? "passthrough" : "translation";

interface RouteSet {
  /** What Claude Code and Anthropic's SDKs are given; they add `/v1/…`. */
  readonly anthropic: string;
  /** What Codex, opencode and OpenAI's SDKs are given. */
  readonly openai: string;
  readonly endpointType: string;
  readonly speaks: readonly Dialect[];
}

const routeSets: Readonly<Record<Via, RouteSet>> = {
  passthrough: {
    anthropic: "/olla/vllm",
    openai: "/olla/vllm/v1",
    endpointType: "vllm",
    speaks: ["chat", "messages", "responses"],
  },
  translation: {
    anthropic: "/olla/anthropic",
    openai: "/olla/openai/v1",
    endpointType: "openai",
    speaks: ["chat"],
  },
};

const binary = join(import.meta.dir, "../../../dist", process.platform === "win32" ? "olla.exe" : "olla");

/** Olla as it is shipped when the runner built it (or says where one is), else from source. */
function ollaCommand(): readonly string[] {
  const elsewhere = process.env.OLLA_TEST_CLIENTS_BINARY;
  if (elsewhere !== undefined) return [elsewhere];
  return process.env.OLLA_TEST_BINARY === "1" ? [binary] : sourceCommand;
}

export const model = "tiny";

/** Where programs are told to go. */
export interface Reach {
  /** Without `/v1`. */
  readonly anthropicUrl: string;
  /** With `/v1`. */
  readonly openaiUrl: string;
}

/** A running Olla with scripted endpoints behind it, the first one preferred. */
export class Fleet implements Reach, AsyncDisposable {
  readonly olla: SpawnedOlla;
  readonly endpoints: readonly ScriptedEndpoint[];

  private constructor(olla: SpawnedOlla, endpoints: readonly ScriptedEndpoint[]) {
    this.olla = olla;
    this.endpoints = endpoints;
  }

  /** One endpoint per script, by falling priority. */
  static async start(...scripts: readonly Script[]): Promise<Fleet> {
    const { endpointType, speaks } = routeSets[via];
    const endpoints = scripts.map((script) => new ScriptedEndpoint({ models: [model], script, speaks }));
    const settings = endpoints.map((endpoint, index) => ({
      name: `machine-${index + 1}`,
      url: endpoint.url,
      type: endpointType,
      priority: 100 - index,
    }));
    try {
      const olla = await spawnOlla({ endpoints: settings }, ollaCommand());
      return new Fleet(olla, endpoints);
    } catch (error) {
      for (const endpoint of endpoints) await endpoint[Symbol.asyncDispose]();
      throw error;
    }
  }

  get anthropicUrl(): string {
    return `${this.olla.url}${routeSets[via].anthropic}`;
  }

  get openaiUrl(): string {
    return `${this.olla.url}${routeSets[via].openai}`;
  }

  /** For programs that cannot set a path. */
  get bare(): Reach {
    return { anthropicUrl: this.olla.url, openaiUrl: `${this.olla.url}/v1` };
  }

  endpoint(index = 0): ScriptedEndpoint {
    const found = this.endpoints[index];
    if (found === undefined) throw new Error(`no endpoint ${index}`);
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.olla[Symbol.asyncDispose]();
    for (const endpoint of this.endpoints) await endpoint[Symbol.asyncDispose]();
  }
}
