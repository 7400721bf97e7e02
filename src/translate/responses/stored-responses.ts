import type { JsonObject } from "../../lib/json.ts";
import { filledText } from "../wire.ts";
import { ownMark } from "./response-object.ts";
import type { KeptResponse, ResponseStore } from "./response-store.ts";

/** What a client asks about one response. */
export interface StoredQuestion {
  readonly method: string;
  /** Behind the route's prefix. */
  readonly path: string;
  readonly query: URLSearchParams;
}

/** An error is OpenAI's object. */
export interface StoredAnswer {
  readonly status: number;
  readonly body: JsonObject;
}

const ownPath = new RegExp(`/responses/(?<id>resp_${ownMark}\\w+)(?<rest>/input_items|/cancel)?$`);

/**
 * Answers `GET` and `DELETE …/responses/{id}`, `GET …/input_items` and `POST …/cancel` for the responses that Olla has
 * written. Undefined for every other request: other ids are those of an endpoint.
 * Source: https://platform.openai.com/docs/api-reference/responses/get
 */
export function answerStored(
  { method, path, query }: StoredQuestion,
  store: ResponseStore,
): StoredAnswer | undefined {
  const { id, rest = "" } = ownPath.exec(path)?.groups ?? {};
  if (id === undefined) return undefined;
  const action = `${method} ${rest}`;
  if (!/^(?:GET |DELETE |GET \/input_items|POST \/cancel)$/.test(action)) return undefined;
  const kept = store.find(id);
  if (kept === undefined) return refuse(404, `Response with id '${id.slice(0, 100)}' not found.`);
  switch (action) {
    case "DELETE ":
      store.delete(id);
      return { status: 200, body: { id, object: "response", deleted: true } };
    case "GET /input_items":
      return { status: 200, body: listInput(kept, query) };
    case "POST /cancel":
      return refuse(400, "Only responses that run in the background can be cancelled.");
    default:
      return { status: 200, body: kept.response };
  }
}

function listInput({ input, response }: KeptResponse, query: URLSearchParams): JsonObject {
  const items = input.map((item, index) => ({
    ...item,
    // Clients page by them.
    id: filledText(item.id) ?? `item_${index}_of_${String(response.id)}`,
  }));
  if (query.get("order") !== "asc") items.reverse();
  const start = items.findIndex(({ id }) => id === query.get("after")) + 1;
  const limit = Math.min(100, Math.max(1, Number(query.get("limit")) || 20));
  const data = items.slice(start, start + limit);
  return {
    object: "list",
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: start + limit < items.length,
  };
}

function refuse(status: number, message: string): StoredAnswer {
  const error = { message, type: "invalid_request_error", param: "response_id", code: null };
  return { status, body: { error } };
}
