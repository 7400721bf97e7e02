import { describe, expect, test } from "bun:test";
import { classifyNetworkError, type NetworkFailure } from "./network-error.ts";

const byCode: readonly (readonly [string, NetworkFailure])[] = [
  ["ECONNREFUSED", "connect_refused"],
  ["ConnectionRefused", "connect_refused"],
  ["FailedToOpenSocket", "connect_refused"],
  ["ETIMEDOUT", "connect_timeout"],
  ["ENOTFOUND", "dns"],
  ["EAI_AGAIN", "dns"],
  ["EHOSTUNREACH", "unreachable"],
  ["ENETUNREACH", "unreachable"],
  ["ECONNRESET", "reset"],
  ["EPIPE", "reset"],
  ["ConnectionClosed", "eof_before_head"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "tls"],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "tls"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "tls"],
  ["EPROTO", "tls"],
  ["Malformed_HTTP_Response", "malformed_response"],
  ["ZlibError", "malformed_response"],
  ["SOMETHING_NEW", "other"],
];

describe("classifyNetworkError", () => {
  test.each(byCode)("names the code %s", (code, expected) => {
    expect(classifyNetworkError(Object.assign(new TypeError("unread"), { code }))).toBe(expected);
  });

  test("goes by the name of an abort, whose code is a number", () => {
    expect(classifyNetworkError(new DOMException("unread", "AbortError"))).toBe("aborted");
    expect(classifyNetworkError(new DOMException("unread", "TimeoutError"))).toBe("aborted");
  });

  test("looks through a wrapping error at its cause", () => {
    const cause = Object.assign(new Error("inner"), { code: "ECONNRESET" });
    expect(classifyNetworkError(new Error("outer", { cause }))).toBe("reset");
  });

  test("never reads the message", () => {
    expect(classifyNetworkError(new Error("ECONNREFUSED"))).toBe("other");
  });

  test("copes with what is not an error, and with a cause that is its own cause", () => {
    expect(classifyNetworkError(undefined)).toBe("other");
    expect(classifyNetworkError("ECONNRESET")).toBe("other");
    const circular: { cause?: unknown } = {};
    circular.cause = circular;
    expect(classifyNetworkError(circular)).toBe("other");
  });
});
