import { expect, test } from "bun:test";
import { sampleEndpoint } from "../../test/endpoints/endpoint-samples.ts";
import { createFakeClock } from "../../test/support/fake-clock.ts";
import type { Candidate, Candidates } from "../balancer/balancer.ts";
import type { ClientApi } from "../translate/client-api.ts";
import { ApiRequest } from "./api-request.ts";
import { NativeSupport } from "./native-support.ts";

const { profile } = sampleEndpoint();
const speaking = { ...profile, name: "speaking" };
const mute = { ...profile, name: "mute" };

/** Kinds called "speaking" know it. */
const api: ClientApi = {
  name: "responses",
  dialect: "openai",
  nativePath: ({ name }) => (name === "speaking" ? "/v1/responses" : undefined),
  translate: () => {
    throw new Error("nobody needs a translation here");
  },
};

const inspection = {
  model: "m",
  wantsStream: false,
  body: undefined,
  compressed: undefined,
  scan: undefined,
};

function setUp() {
  const support = new NativeSupport({ clock: createFakeClock() });
  return { ask: () => new ApiRequest(api, inspection, support, "id") };
}

/** Every other one of a kind that knows the API. */
function fleetOf(size: number, more: (index: number) => Partial<Candidate> = () => ({})): Candidates {
  const [first, ...others] = Array.from({ length: size }, (_, index): Candidate => {
    const kind = index % 2 === 0 ? mute : speaking;
    const endpoint = sampleEndpoint({ name: `${kind.name}-${index}`, profile: kind });
    return { endpoint, status: "healthy", model: "m", ...more(index) };
  });
  if (first === undefined) throw new Error("a fleet needs an endpoint");
  return [first, ...others];
}

const secondChoices = (candidates: Candidates) =>
  candidates.filter(({ isSecondChoice }) => isSecondChoice === true).map(({ endpoint }) => endpoint.name);

for (const size of [4, 40]) {
  test(`of ${size}, those that need a translation are second choices`, () => {
    const fleet = fleetOf(size);
    const mutes = fleet.filter((_, index) => index % 2 === 0).map(({ endpoint }) => endpoint.name);
    expect(secondChoices(setUp().ask().preferNative(fleet))).toEqual(mutes);
  });

  test(`of ${size}, only where their own step and share has somebody who needs none`, () => {
    const share = { weight: 1 };
    const fleet = fleetOf(size, (index) => (index < 2 ? { rank: 0, share } : { rank: 1 + (index % 2) }));
    expect(secondChoices(setUp().ask().preferNative(fleet))).toEqual(["mute-0"]);
  });

  test(`of ${size}, one that turned out not to know the API is a second choice for every request`, () => {
    const { ask } = setUp();
    const fleet = fleetOf(size);
    const request = ask();
    const before = secondChoices(request.preferNative(fleet));
    request.noteNotNative("speaking-1");
    const after = ["mute-0", "speaking-1", ...before.slice(1)];
    expect(secondChoices(request.preferNative(fleet))).toEqual(after);
    expect(secondChoices(ask().preferNative(fleet))).toEqual(after);
    expect(ask().nativePathAt(sampleEndpoint({ name: "speaking-1", profile: speaking }))).toBeUndefined();
  });
}

test("a long list is arranged once for all requests, and stays the same where all are alike", () => {
  const { ask } = setUp();
  const fleet = fleetOf(40);
  expect(ask().preferNative(fleet)).toBe(ask().preferNative(fleet));
  const [first, ...others] = fleet.filter((_, index) => index % 2 === 1);
  if (first === undefined) throw new Error("there are twenty");
  const alike: Candidates = [first, ...others];
  expect(ask().preferNative(alike)).toBe(alike);
});
