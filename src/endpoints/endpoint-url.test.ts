import { expect, test } from "bun:test";
import { parseEndpointUrl, resolveEndpointUrl, resolveKindUrl } from "./endpoint-url.ts";

test.each([
  ["http://host:8080", "/v1/models", "http://host:8080/v1/models"],
  ["http://host:8080/", "/v1/models", "http://host:8080/v1/models"],
  ["http://host/api/", "/v1/models", "http://host/api/v1/models"],
  ["http://host/api//v1//", "models//list/", "http://host/api/v1/models/list"],
  ["http://host/api", "/", "http://host/api"],
  ["http://host", "/", "http://host/"],
  ["http://host/api", "", "http://host/api"],
  ["http://host/api", "/health?deep=1&path=//x", "http://host/api/health?deep=1&path=//x"],
  ["http://host/api?key=1#top", "/health", "http://host/api/health"],
  ["http://host/api", "https://monitor.example/up", "https://monitor.example/up"],
  ["https://[::1]:8443/api", "/health", "https://[::1]:8443/api/health"],
  ["http://host/v1", "/v1/models", "http://host/v1/models"],
  ["http://host/v1", "/models", "http://host/v1/models"],
  ["http://host/v1", "/v1beta/models", "http://host/v1/v1beta/models"],
])("below %s the path %p is %s", (base, path, expected) => {
  expect(resolveEndpointUrl(base, path)).toBe(expected);
});

test.each([
  ["http://host:1234", "/v1", "/api/v0/models", "http://host:1234/api/v0/models"],
  ["http://host:1234/v1", "/v1", "/api/v0/models", "http://host:1234/api/v0/models"],
  ["http://host:8000/v1/", "/v1", "/health", "http://host:8000/health"],
  ["http://host:8000/v1", "/v1", "/", "http://host:8000/"],
  ["http://host/openai/v1", "/v1", "/v1/models", "http://host/openai/v1/models"],
  ["http://host/mounted", "/v1", "/health", "http://host/mounted/health"],
  [
    "http://host:12434/engines/v1",
    "/engines/v1",
    "/engines/v1/models",
    "http://host:12434/engines/v1/models",
  ],
  ["http://host:12434/v1", "/engines/v1", "/engines/v1/models", "http://host:12434/engines/v1/models"],
  ["http://host/xv1", "/v1", "/health", "http://host/xv1/health"],
  ["http://host/mounted", "", "/health", "http://host/mounted/health"],
])("at %s a kind whose base is %p has its %s at %s", (base, openaiBase, path, expected) => {
  expect(resolveKindUrl(base, { openaiBase }, path)).toBe(expected);
});

test.each([
  ["http://localhost:11434", "http://localhost:11434", "http://localhost:11434", ""],
  ["http://localhost:11434/", "http://localhost:11434/", "http://localhost:11434", ""],
  [" https://h/api/v1/ ", "https://h/api/v1/", "https://h", "/api/v1"],
  ["http://h/api?token=canary#x", "http://h/api", "http://h", "/api"],
  ["http://user:canary@h:1/api", "http://h:1/api", "http://h:1", "/api"],
])("%s is shown as %s", (text, url, origin, basePath) => {
  expect(parseEndpointUrl(text)).toEqual({ url, origin, basePath });
});

test("what is no http address is none", () => {
  expect(parseEndpointUrl("localhost:11434")).toBeUndefined();
  expect(parseEndpointUrl("ftp://host")).toBeUndefined();
  expect(parseEndpointUrl("")).toBeUndefined();
});
