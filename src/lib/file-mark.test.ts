import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { appendFile, mkdir, mkdtemp, rename, rm, symlink, unlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { absentMark, createFileMarker, markFile } from "./file-mark.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "olla-mark-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

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

describe("a file that is not there", () => {
  /** As if nothing had happened in it for an hour. */
  async function calm(path: string): Promise<void> {
    const hourAgo = new Date(Date.now() - 3_600_000);
    await utimes(path, hourAgo, hourAgo);
  }

  async function askTwice(mark: typeof markFile, file: string): Promise<void> {
    expect([await mark(file), await mark(file)]).toEqual([absentMark, absentMark]);
  }

  test("is not looked for while the nearest folder is what it was", async () => {
    const file = join(folder, "config", "profiles", "mine.yaml");
    const mark = createFileMarker(async () => true);
    await calm(folder);
    await askTwice(mark, file);
    expect(await isSettledAtOnce(mark(file))).toBe(true);
  });

  test("is found when it comes, whatever came before it", async () => {
    const file = join(folder, "config", "profiles", "mine.yaml");
    const mark = createFileMarker(async () => true);
    await calm(folder);
    await askTwice(mark, file);
    await mkdir(join(folder, "config"));
    await calm(join(folder, "config"));
    await askTwice(mark, file);
    await mkdir(join(folder, "config", "profiles"));
    await calm(join(folder, "config", "profiles"));
    await askTwice(mark, file);
    await writeFile(file, "one");
    expect(await mark(file)).toBe(await markFile(file));
  });

  test("is looked for each time while its folder is restless, on a network folder, or behind a link to nowhere", async () => {
    const file = join(folder, "olla.yaml");
    const restless = createFileMarker(async () => true);
    await askTwice(restless, file);
    expect(await isSettledAtOnce(restless(file))).toBe(false);

    await calm(folder);
    const network = createFileMarker(async () => false);
    await askTwice(network, file);
    expect(await isSettledAtOnce(network(file))).toBe(false);

    const target = join(folder, "elsewhere", "olla.yaml");
    await mkdir(join(folder, "elsewhere"));
    await symlink(target, file);
    await calm(folder);
    const linked = createFileMarker(async () => true);
    await askTwice(linked, file);
    await writeFile(target, "one");
    expect(await linked(file)).toBe(await markFile(file));
  });
});
