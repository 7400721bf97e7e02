import { describe, expect, test } from "bun:test";
import { answerHeaders, type CorsSettings, createCors } from "./cors.ts";

const settings: CorsSettings = {
  origins: ["https://chat.example.com"],
  methods: ["GET", "POST"],
  requestHeaders: ["*"],
  exposedHeaders: [],
  hasCredentials: false,
  maxAgeSeconds: 300,
};
const page = "https://chat.example.com";
const vary = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";

function preflight(changes: Partial<CorsSettings>, headers: Record<string, string>) {
  const request = new Request("http://x/", {
    method: "OPTIONS",
    headers: { "Access-Control-Request-Method": "POST", ...headers },
  });
  const answer = createCors({ ...settings, ...changes }).answerPreflight(request);
  expect(answer?.status).toBe(204);
  expect(answer?.body).toBeNull();
  expect(answer?.headers.get("vary")).toBe(vary);
  const { vary: _, ...rest } = Object.fromEntries(answer?.headers ?? []);
  return rest;
}

function marked(changes: Partial<CorsSettings>, headers: Record<string, string>, method = "POST") {
  const answer = new Headers();
  createCors({ ...settings, ...changes }).mark(new Request("http://x/", { method, headers }), answer);
  return Object.fromEntries(answer);
}

describe("a preflight request", () => {
  test("is told what was asked for, and for how long that holds", () => {
    const asked = { Origin: page, "Access-Control-Request-Headers": "authorization,x-stainless-os" };
    expect(preflight({}, asked)).toEqual({
      "access-control-allow-origin": page,
      "access-control-allow-methods": "POST",
      "access-control-allow-headers": "authorization,x-stainless-os",
      "access-control-max-age": "300",
    });
    expect(preflight({ maxAgeSeconds: 0, hasCredentials: true }, { Origin: page })).toEqual({
      "access-control-allow-origin": page,
      "access-control-allow-methods": "POST",
      "access-control-allow-credentials": "true",
    });
  });

  test.each([
    ["another origin", {}, { Origin: "https://evil.test" }],
    ["no origin", {}, {}],
    ["a method that is not listed", {}, { Origin: page, "Access-Control-Request-Method": "DELETE" }],
    [
      "GET, POST and HEAD alone where the list is empty",
      { methods: [] },
      { Origin: page, "Access-Control-Request-Method": "PUT" },
    ],
    [
      "a header that is not listed",
      { requestHeaders: ["Authorization"] },
      { Origin: page, "Access-Control-Request-Headers": "authorization, x-other" },
    ],
    [
      "accept, content-type and x-requested-with alone where the list is empty",
      { requestHeaders: [] },
      { Origin: page, "Access-Control-Request-Headers": "authorization" },
    ],
  ])("gets no permission for %s", (_case, changes, headers) => {
    expect(preflight(changes, headers)).toEqual({});
  });

  test("compares methods and names of headers in any case", () => {
    const asked = {
      Origin: page,
      "Access-Control-Request-Method": "PATCH",
      "Access-Control-Request-Headers": "Content-Type, X-ONE",
    };
    const changes = { methods: ["patch"], requestHeaders: ["content-type", "x-one"] };
    expect(preflight(changes, asked)["access-control-allow-headers"]).toBe("Content-Type, X-ONE");
  });

  test("is one only with OPTIONS and Access-Control-Request-Method", () => {
    const cors = createCors(settings);
    const asks = (method: string, headers: Record<string, string>) =>
      cors.answerPreflight(new Request("http://x/", { method, headers }));
    expect(asks("OPTIONS", { Origin: page })).toBeUndefined();
    expect(asks("POST", { Origin: page, "Access-Control-Request-Method": "POST" })).toBeUndefined();
  });
});

describe("an answer", () => {
  test("says that it depends on the origin, and to a page that may call what it may read", () => {
    expect(marked({}, {})).toEqual({ vary: "Origin" });
    expect(marked({}, { Origin: "https://evil.test" })).toEqual({ vary: "Origin" });
    expect(marked({}, { Origin: page }, "DELETE")).toEqual({ vary: "Origin" });
    expect(marked({}, { Origin: page })).toEqual({
      vary: "Origin",
      "access-control-allow-origin": page,
      "access-control-expose-headers": answerHeaders.join(", "),
    });
    expect(marked({ exposedHeaders: ["X-One", "X-Two"], hasCredentials: true }, { Origin: page })).toEqual({
      vary: "Origin",
      "access-control-allow-origin": page,
      "access-control-allow-credentials": "true",
      "access-control-expose-headers": "X-One, X-Two",
    });
  });

  test("keeps what it depends on besides", () => {
    const answer = new Headers({ Vary: "Accept-Encoding" });
    createCors(settings).mark(new Request("http://x/"), answer);
    expect(answer.get("vary")).toBe("Accept-Encoding, Origin");
  });
});

test.each([
  [["*"], "https://any.test", true, "*"],
  [["https://chat.example.com", "*"], "https://any.test", true, "*"],
  [["https://*.example.com"], "https://a.b.example.com", true, "https://a.b.example.com"],
  [["https://*.example.com"], "https://example.com", false, undefined],
  [["https://*.example.com"], "http://a.example.com", false, undefined],
  [["http://localhost:*"], "http://localhost:3000", true, "http://localhost:3000"],
  [["chrome-extension://*"], "chrome-extension://abc", true, "chrome-extension://abc"],
  [["HTTPS://Chat.Example.com"], "https://chat.example.com", true, "https://chat.example.com"],
  [["https://chat.example.com"], "https://chat.example.com.evil.test", false, undefined],
  [["null"], "null", true, "null"],
])("origins %p and the page %p: %p", (origins, origin, expected, answered) => {
  expect(createCors({ ...settings, origins }).admits(origin)).toBe(expected);
  expect(marked({ origins }, { Origin: origin })["access-control-allow-origin"]).toBe(answered);
});

test("every header of ours that docs/headers.md knows in answers can be read by pages", async () => {
  const docs = await Bun.file(`${import.meta.dir}/../../../docs/headers.md`).text();
  const ofAnswers = docs.slice(docs.indexOf("## To the client"), docs.indexOf("## From the client"));
  const rows = ofAnswers.split("\n").map((line) => line.split("|")[1] ?? "");
  const documented = rows.flatMap((names) => names.match(/X-Olla-[A-Za-z-]+/g) ?? []);
  expect(documented.length).toBeGreaterThan(15);
  expect([...answerHeaders].sort()).toEqual([...new Set(documented)].sort());
});
