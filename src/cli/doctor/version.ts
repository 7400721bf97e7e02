import type { Endpoint } from "../../endpoints/endpoint.ts";
import { isObject } from "../../lib/json.ts";
import { EndpointQuestion } from "../../models/endpoint-question.ts";
import type { ExaminationOptions } from "./step.ts";

/** Where kinds of servers say which version they are. */
const places: Readonly<Record<string, { readonly path: string; readonly member: string }>> = {
  ollama: { path: "/api/version", member: "version" },
  vllm: { path: "/version", member: "version" },
  llamacpp: { path: "/props", member: "build_info" },
  sglang: { path: "/get_server_info", member: "version" },
};

const longestVersion = 40;
/** Nice to know, and nothing to wait for. */
const patienceMs = 2_000;

/** @returns `undefined` for a kind that does not say, or an endpoint that does not answer */
export async function askVersion(
  endpoint: Endpoint,
  { clock, version }: ExaminationOptions,
): Promise<string | undefined> {
  const place = places[endpoint.profile.name];
  if (place === undefined) return undefined;
  const question = new EndpointQuestion<string>({
    path: place.path,
    read: (body) => {
      const said = isObject(body) ? body[place.member] : undefined;
      return typeof said === "string" && said.length <= longestVersion ? said : undefined;
    },
    timeoutMs: patienceMs,
    maxAgeMs: 0,
    clock,
    version,
  });
  return await question.ask(endpoint);
}
