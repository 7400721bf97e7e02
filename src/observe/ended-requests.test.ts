import { expect, test } from "bun:test";
import { outcomeOf } from "../../test/server/test-server.ts";
import { EndedRequests } from "./ended-requests.ts";

function idsOf(ended: EndedRequests): { ids: string[]; omitted: number } {
  const { requests, omitted } = ended.take();
  return { ids: requests.map(({ id }) => id), omitted };
}

test("nothing is kept while nobody wants it", () => {
  const ended = new EndedRequests();
  ended.record(outcomeOf({ requestId: "a" }));
  ended.want(true);
  ended.record(outcomeOf({ requestId: "b" }));
  expect(idsOf(ended)).toEqual({ ids: ["b"], omitted: 0 });
  ended.record(outcomeOf({ requestId: "c" }));
  ended.want(false);
  ended.want(true);
  expect(idsOf(ended)).toEqual({ ids: [], omitted: 0 });
});

test("of too many the last ones are told, and how many there were besides", () => {
  const ended = new EndedRequests();
  ended.want(true);
  for (let index = 0; index < 275; index += 1) ended.record(outcomeOf({ requestId: String(index) }));
  const { ids, omitted } = idsOf(ended);
  expect(ids).toHaveLength(50);
  expect(ids.at(-1)).toBe("274");
  expect(omitted).toBe(225);
  expect(idsOf(ended)).toEqual({ ids: [], omitted: 0 });
});

test("looks at Olla itself are not among them", () => {
  const ended = new EndedRequests();
  ended.want(true);
  ended.record(outcomeOf({ route: "internal", path: "/internal/events" }));
  expect(idsOf(ended).ids).toEqual([]);
});
