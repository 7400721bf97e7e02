import { expect, test } from "bun:test";
import { toRedactedJson } from "./redact-body.ts";

test.each([
  ["sk-ant-api03-abcdefghijklmnop"],
  ["Bearer abcdefghijklmnop"],
  ["ghp_abcdefghijklmnopqrstuvwx"],
  ["AKIAABCDEFGHIJKLMNOP"],
  ["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdef"],
  ["-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----"],
  ["-----BEGIN RSA PRIVATE KEY-----\nMIIB cut"],
])("%p is left out of a text", (credential) => {
  expect(JSON.parse(toRedactedJson({ text: `a ${credential}` }))).toEqual({ text: "a [REDACTED]" });
});

test("members that are named for a credential are left out, whatever is in them", () => {
  const body = { api_key: "x", "API-Key": "y", authorization_token: "z", token: "", tokens: 5, key: "kept" };
  expect(JSON.parse(toRedactedJson(body))).toEqual({
    api_key: "[REDACTED]",
    "API-Key": "[REDACTED]",
    authorization_token: "[REDACTED]",
    token: "",
    tokens: 5,
    key: "kept",
  });
});

test("what only looks a little like one stays", () => {
  const body = { text: "risk-averse, sk-1, a Bearer of news, eyJ, task-management-and-more-words" };
  expect(JSON.parse(toRedactedJson(body))).toEqual(body);
});
