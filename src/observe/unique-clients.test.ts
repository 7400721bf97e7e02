import { expect, test } from "bun:test";
import { UniqueClients } from "./unique-clients.ts";

function after(
  count: number,
  nameOf = (index: number) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`,
) {
  const clients = new UniqueClients();
  for (let round = 0; round < 2; round++)
    for (let index = 0; index < count; index++) clients.add(nameOf(index));
  return clients.count();
}

test.each([0, 1, 2, 50, 128])("%d clients are counted exactly, however often they come", (count) => {
  expect(after(count)).toBe(count);
});

test.each([129, 300, 1_000, 2_000, 5_000, 20_000, 200_000])(
  "%d clients are estimated within a tenth",
  (count) => {
    expect(Math.abs(after(count) - count) / count).toBeLessThan(0.1);
  },
);

test("the estimate is as good for names as for addresses", () => {
  expect(Math.abs(after(3_000, (index) => `2001:db8::${index.toString(16)}`) - 3_000) / 3_000).toBeLessThan(
    0.1,
  );
});
