import { RequestLedger } from "../pipeline/ledger.ts";
import type { Pipeline, PipelineContext } from "../pipeline/pipeline.ts";
import { ResponseStore } from "../translate/responses/response-store.ts";
import { answerStored } from "../translate/responses/stored-responses.ts";
import { toJsonBytes } from "../translate/wire.ts";

type Stages = Pick<PipelineContext, "clock" | "record" | "errorHeaders">;

/** The pipeline, with what it need not be asked in front of it: what Olla has kept of the responses it translated. */
export function withStoredResponses(pipeline: Pipeline, store: ResponseStore, stages: Stages): Pipeline {
  return {
    handle(exchange) {
      const { request, upstreamPath, query, clientKey } = exchange;
      if (!upstreamPath.includes("/responses/")) return pipeline.handle(exchange);
      const question = { method: request.method, path: upstreamPath, query: new URLSearchParams(query) };
      const found = answerStored(question, new ResponseStore(store, clientKey?.name));
      if (found === undefined) return pipeline.handle(exchange);
      const ledger = new RequestLedger(exchange, stages);
      const body = toJsonBytes(found.body);
      const headers = new Headers();
      for (const [name, value] of stages.errorHeaders(exchange, ledger)) headers.set(name, value);
      headers.set("content-type", "application/json");
      headers.set("content-length", String(body.byteLength));
      const { status } = found;
      ledger.close({ status, ending: "complete", responseBytes: body.byteLength, isStream: false });
      return Promise.resolve(new Response(body, { status, headers }));
    },
  };
}
