import { expect, test } from "bun:test";
import { sampleEndpoint } from "../../test/endpoints/endpoint-samples.ts";
import { DecidedRoutes } from "./decided-routes.ts";
import type { Route } from "./route.ts";

const routeTo = (name: string): Route => ({
  candidates: [{ endpoint: sampleEndpoint({ name }), status: "healthy", model: "m" }],
  decision: undefined,
});

test("a route is found again by the same question on the same ground", () => {
  const routes = new DecidedRoutes();
  const ground = { endpoints: [], models: {} };
  const route = routeTo("a");
  expect(routes.find("q", ground)).toBeUndefined();
  routes.keep("q", route);
  expect(routes.find("q", { ...ground })).toBe(route);
  expect(routes.find("other", ground)).toBeUndefined();
});

test("other endpoints or other models make every question new, also when the old ones come back", () => {
  for (const changed of ["endpoints", "models"] as const) {
    const routes = new DecidedRoutes();
    const ground = { endpoints: [], models: {} };
    routes.find("q", ground);
    routes.keep("q", routeTo("a"));
    expect(routes.find("q", { ...ground, [changed]: {} })).toBeUndefined();
    expect(routes.find("q", ground)).toBeUndefined();
  }
});

test("names that clients make up do not fill the memory", () => {
  const routes = new DecidedRoutes();
  const ground = { endpoints: [], models: {} };
  routes.find("q", ground);
  for (let index = 0; index < 2_500; index++) routes.keep(`q${index}`, routeTo("a"));
  const found = Array.from({ length: 2_500 }, (_, index) => routes.find(`q${index}`, ground)).filter(Boolean);
  expect(found.length).toBeLessThanOrEqual(1_000);
  expect(routes.find("q2499", ground)).toBeDefined();
});

test("nor do paths of any length", () => {
  const routes = new DecidedRoutes();
  const ground = { endpoints: [], models: {} };
  const question = "q".repeat(1_001);
  routes.find(question, ground);
  routes.keep(question, routeTo("a"));
  expect(routes.find(question, ground)).toBeUndefined();
});
