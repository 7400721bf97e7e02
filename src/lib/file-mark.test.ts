import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { appendFile, mkdtemp, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { absentMark, createFileMarker, markFile } from "./file-mark.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "olla-mark-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** Whether a promise is settled without anything from outside, such as another thread. */
async function isSettledAtOnce(promise: Promise<unknown>): Promise<boolean> {
  let isSettled = false;
  void promise.then(() => {
    isSettled = true;
  });
  for (let turns = 0; turns < 10; turns += 1) await Promise.resolve();
  return isSettled;
}

describe("a marker says of a file what markFile says of it", () => {
  for (const [where, isLocal] of [
    ["on a disk of this machine", true],
    ["elsewhere", false],
  ] as const) {
    test(where, async () => {
      const file = join(folder, "olla.yaml");
      const mark = createFileMarker(async () => isLocal);
      expect(await mark(file)).toBe(absentMark);
      const changes = [
        () => writeFile(file, "one"),
        () => appendFile(file, "more"),
        async () => {
          await writeFile(join(folder, "new"), "another");
          await rename(join(folder, "new"), file);
        },
        () => unlink(file),
        async () => {
          await writeFile(join(folder, "target"), "behind a link");
          await symlink(join(folder, "target"), file);
        },
      ];
      for (const change of changes) {
        await change();
        const truth = await markFile(file);
        // At first perhaps from a thread of the pool, then at once.
        expect([await mark(file), await mark(file), await mark(file)]).toEqual([truth, truth, truth]);
      }
    });
  }
});

test("a file on a disk of this machine is asked for at once from the second time on", async () => {
  const file = join(folder, "olla.yaml");
  await writeFile(file, "one");
  const mark = createFileMarker(async () => true);
  expect(await isSettledAtOnce(mark(file))).toBe(false);
  await mark(file);
  expect(await isSettledAtOnce(mark(file))).toBe(true);
});

test("one that may lie on a network folder never is, and one that has changed is asked about anew", async () => {
  const file = join(folder, "olla.yaml");
  await writeFile(file, "one");
  let isLocal = false;
  const mark = createFileMarker(async () => isLocal);
  await mark(file);
  expect(await isSettledAtOnce(mark(file))).toBe(false);
  isLocal = true;
  await appendFile(file, "more");
  await mark(file);
  expect(await isSettledAtOnce(mark(file))).toBe(true);
  isLocal = false;
  await appendFile(file, "still more");
  await mark(file);
  await mark(file);
  expect(await isSettledAtOnce(mark(file))).toBe(false);
});

test("where a file lies is asked once for each change, and not at each look", async () => {
  const file = join(folder, "olla.yaml");
  let questions = 0;
  const mark = createFileMarker(async () => {
    questions += 1;
    return false;
  });
  for (const change of ["one", "and more"]) {
    await appendFile(file, change);
    for (let looks = 0; looks < 3; looks += 1) await mark(file);
  }
  expect(questions).toBe(2);
});
