import { z } from "zod";

export const routeListAnswer = z
  .strictObject({
    name: z.literal("Olla"),
    version: z.string(),
    routes: z.strictObject({
      direct: z.array(z.string()),
      proxied: z.array(z.string()).meta({ description: "Beginnings of paths that lead to endpoints" }),
    }),
  })
  .meta({ id: "RouteList" });

export const versionAnswer = z
  .strictObject({
    name: z.literal("Olla"),
    version: z.string(),
    edition: z.string(),
    description: z.string(),
    build: z.strictObject({
      commit: z.string(),
      date: z.string(),
      go_version: z.string().meta({ description: "The runtime; the name is what existing clients read" }),
      platform: z.string(),
    }),
    capabilities: z.array(z.string()),
    capabilities_experimental: z.array(z.string()),
    supported_backends: z.array(z.string()),
    links: z.strictObject({ homepage: z.string(), documentation: z.string(), releases: z.string() }),
    api: z.strictObject({ version: z.string(), endpoints: z.record(z.string(), z.string()) }),
  })
  .meta({ id: "Version" });

export const healthAnswer = z.strictObject({ status: z.literal("healthy") }).meta({ id: "Health" });

export const documentAnswer = z
  .looseObject({ openapi: z.string(), paths: z.record(z.string(), z.unknown()) })
  .meta({ id: "ApiDocument", description: "An OpenAPI document, version 3.1" });

const own = { code: z.string(), source: z.literal("olla") };

/** How errors of Olla's own are written, by the API of the path that was asked. */
export const errorBodies = {
  openai: z
    .strictObject({
      error: z.strictObject({
        message: z.string(),
        type: z.string(),
        param: z.string().nullable().meta({ description: "The field at fault" }),
        ...own,
      }),
    })
    .meta({ id: "Error" }),
  anthropic: z
    .strictObject({
      type: z.literal("error"),
      error: z.strictObject({ type: z.string(), message: z.string(), ...own }),
      request_id: z.string().optional(),
    })
    .meta({ id: "AnthropicError" }),
  ollama: z.strictObject({ error: z.string(), ...own }).meta({ id: "OllamaError" }),
} as const;
