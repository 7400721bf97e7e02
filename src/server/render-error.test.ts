import { describe, expect, test } from "bun:test";
import { type ErrorCode, errorTable, OllaError } from "../errors.ts";
import type { Dialect } from "../translate/dialect.ts";
import { dialectOf } from "./dialect-of.ts";
import { renderError, renderStreamError } from "./render-error.ts";

const failure = new OllaError("model_not_found", 'no model "x"', { field: "model" });

function textOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
}

describe("a whole error answer", () => {
  test.each([
    [
      "openai",
      {
        error: {
          message: 'no model "x"',
          type: "invalid_request_error",
          param: "model",
          code: "model_not_found",
          source: "olla",
        },
      },
    ],
    ["ollama", { error: 'no model "x"', code: "model_not_found", source: "olla" }],
    [
      "anthropic",
      {
        type: "error",
        error: { type: "not_found_error", message: 'no model "x"', code: "model_not_found", source: "olla" },
        request_id: "r1",
      },
    ],
  ] as const)("is in the words of %s and says that Olla answered", async (dialect, body) => {
    const response = renderError(failure, dialect, "r1", [["X-Olla-Model", "x"]]);
    expect(response.status).toBe(404);
    expect(response.headers.get("x-olla-error")).toBe("model_not_found");
    expect(response.headers.get("x-olla-request-id")).toBe("r1");
    expect(response.headers.get("x-olla-model")).toBe("x");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(response.headers.get("content-type")).toBe("application/json");
    const text = await response.clone().text();
    expect(response.headers.get("content-length")).toBe(String(new TextEncoder().encode(text).length));
    expect(await response.json()).toEqual(body);
  });

  test("Retry-After is whole seconds, rounded up, never zero, and only there when the error has one", () => {
    const after = (retryAfterSeconds: number) =>
      renderError(new OllaError("buffer_full", "", { retryAfterSeconds }), "openai", "r").headers.get(
        "retry-after",
      );
    expect([after(0), after(0.2), after(7.1)]).toEqual(["1", "1", "8"]);
    expect(renderError(failure, "openai", "r").headers.has("retry-after")).toBe(false);
  });

  test("every code of the table renders in every dialect with its own status, and no headers can replace ours", () => {
    for (const code of Object.keys(errorTable) as ErrorCode[]) {
      for (const dialect of ["openai", "ollama", "anthropic"] satisfies Dialect[]) {
        const response = renderError(new OllaError(code, "text"), dialect, "r", [
          ["Content-Length", "1"],
          ["Content-Type", "text/plain"],
        ]);
        expect(response.status).toBe(errorTable[code].status);
        expect(response.headers.get("content-type")).toBe("application/json");
        expect(response.headers.get("content-length")).not.toBe("1");
      }
    }
  });

  test.each([
    [429, "rate_limited", "rate_limit_error", "rate_limit_error"],
    [413, "body_too_large", "invalid_request_error", "request_too_large"],
    [403, "forbidden", "invalid_request_error", "permission_error"],
    [504, "header_timeout", "server_error", "timeout_error"],
    [502, "connect_refused", "server_error", "api_error"],
    [501, "not_supported", "invalid_request_error", "api_error"],
  ] as const)("status %d has its type in each dialect", async (_status, code, openai, anthropic) => {
    const typeIn = async (dialect: Dialect) => {
      const body = (await renderError(new OllaError(code, ""), dialect, "r").json()) as {
        error: { type: string };
      };
      return body.error.type;
    };
    expect(await typeIn("openai")).toBe(openai);
    expect(await typeIn("anthropic")).toBe(anthropic);
  });
});

describe("the end of a stream that broke", () => {
  const broken = new OllaError("truncated", "the endpoint went away");

  test("is an event of its own even behind half an event", () => {
    const notice = textOf(renderStreamError(broken, "text/event-stream; charset=utf-8", "openai"));
    const events = `data: {"par${notice}`.split("\n\n").filter((event) => event !== "");
    expect(events).toHaveLength(2);
    expect(JSON.parse(events[1]?.slice("data: ".length) ?? "")).toMatchObject({
      error: { code: "truncated", source: "olla", type: "server_error" },
    });
  });

  test("is a named event for Anthropic's clients", () => {
    const notice = textOf(renderStreamError(broken, "text/event-stream", "anthropic")) ?? "";
    expect(notice).toMatch(/^\n\nevent: error\ndata: \{"type":"error".*\}\n\n$/);
  });

  test("is a line of its own in NDJSON, without an empty line where none is needed", () => {
    const afterHalfALine = textOf(renderStreamError(broken, "application/x-ndjson", "ollama"));
    const afterAWholeLine = textOf(renderStreamError(broken, "application/x-ndjson", "ollama", 0x0a));
    expect(afterHalfALine).toBe(`\n${afterAWholeLine}`);
    expect(JSON.parse(afterAWholeLine ?? "")).toEqual({
      error: "the endpoint went away",
      code: "truncated",
      source: "olla",
    });
  });

  test.each(["application/json", "application/octet-stream", ""])("can't be told in %p", (contentType) => {
    expect(renderStreamError(broken, contentType, "openai")).toBeUndefined();
  });
});

test.each([
  ["/v1/chat/completions", "openai"],
  ["/api/chat", "ollama"],
  ["/api/version", "ollama"],
  ["/api/v0/models", "openai"],
  ["/api/v1/chat/completions", "openai"],
  ["/v1/messages", "anthropic"],
  ["/v1/messages/count_tokens", "anthropic"],
  ["/v1/messagesx", "openai"],
  ["/olla/anthropic/v1/models", "anthropic"],
  ["/apix", "openai"],
] as const)("a caller of %s speaks %s", (path, dialect) => expect(dialectOf(path)).toBe(dialect));
