import { z } from "zod";
import { endpointStatus } from "./status-answers.ts";
import { count, moment } from "./texts.ts";

export const endpointStateAnswer = z
  .strictObject({
    endpoint: z.string(),
    draining: z.boolean(),
    status: endpointStatus,
    connections: count.meta({ description: "Requests that are still under way there" }),
    queued: count,
  })
  .meta({ id: "EndpointState" });

export const refreshAnswer = z
  .strictObject({
    timestamp: moment,
    endpoints: z.array(
      z.strictObject({
        name: z.string(),
        status: endpointStatus,
        models: count,
        last_updated: moment.nullable(),
      }),
    ),
  })
  .meta({ id: "ModelRefresh" });

const anything = z.unknown();

export const configAnswer = z
  .strictObject({
    timestamp: moment,
    version: z.string(),
    file: z.string().optional().meta({ description: "That was read; missing where there is none" }),
    sections: z.array(
      z.strictObject({
        path: z.string(),
        doc: z.string(),
        keys: z.array(
          z.strictObject({
            key: z.string(),
            value: anything.meta({ description: "As one would write it; credentials are `***`" }),
            default: anything,
            source: z.enum(["default", "file", "environment", "set"]),
            doc: z.string(),
            inert: z.literal(true).optional().meta({ description: "Accepted, and without effect" }),
          }),
        ),
      }),
    ),
    lists: z
      .record(z.string(), z.array(z.looseObject({})))
      .meta({ description: "What there are several of: endpoints, keys" }),
  })
  .meta({ id: "Configuration" });

export const endpointName = z.object({
  name: z.string().meta({ description: "As `/internal/status` shows it, percent-encoded" }),
});

export const requestId = z.object({
  id: z.string().meta({ description: "As in the header X-Olla-Request-ID; slashes may stay as they are" }),
});
