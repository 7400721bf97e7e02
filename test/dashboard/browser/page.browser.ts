// The dashboard in a real Chromium. Not part of plain `bun test`: run `npm run test:dashboard`.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Browser, Request } from "playwright-core";
import { FakeUpstream } from "../../support/fake-upstream.ts";
import { findFreePort } from "../../support/free-port.ts";
import { type SpawnedOlla, spawnOlla } from "../../support/spawn-olla.ts";
import { answerJson, completionOf, hangAfterTokens } from "../../support/upstream-behaviours.ts";
import { waitUntil } from "../../support/wait-until.ts";
import { findChromium } from "./chromium.ts";
import { findFaults, openPage, openTab, readContrasts, tabNames } from "./watched-page.ts";

const executablePath = findChromium();
const reason =
  executablePath === undefined ? " (skipped: needs Chromium, as of Debian's package chromium)" : "";
const limitMs = 60_000;
/** A folder for pictures, for whoever wants to look. */
const shots = process.env.OLLA_TEST_SHOTS;
const evilName = '<img src=x onerror="document.title=1">';

interface Stage extends AsyncDisposable {
  readonly olla: SpawnedOlla;
  readonly alpha: FakeUpstream;
  readonly beta: FakeUpstream;
  readonly url: string;
}

async function setStage(server: Record<string, unknown> = {}): Promise<Stage> {
  const alpha = new FakeUpstream({ models: ["tiny", evilName] });
  const beta = new FakeUpstream({ models: ["tiny"] });
  const olla = await spawnOlla({
    endpoints: [
      { name: "alpha", url: alpha.url, type: "openai-compatible", priority: 100 },
      { name: "beta", url: beta.url, type: "openai-compatible", priority: 50 },
    ],
    server,
    ...(server.admin !== undefined && { readiness: "listening" as const }),
  });
  return {
    olla,
    alpha,
    beta,
    url: `${olla.url}/internal/ui/`,
    async [Symbol.asyncDispose]() {
      await olla[Symbol.asyncDispose]();
      await alpha[Symbol.asyncDispose]();
      await beta[Symbol.asyncDispose]();
    },
  };
}

async function chat({ olla }: Stage, stream = false, id = "from-the-test"): Promise<Response> {
  return await fetch(`${olla.url}/olla/openai/v1/chat/completions`, {
    method: "POST",
    headers: { "X-Request-ID": id },
    body: JSON.stringify({ model: "tiny", stream, messages: [] }),
  });
}

describe.skipIf(executablePath === undefined)(`the dashboard in Chromium${reason}`, () => {
  let browser: Browser;

  beforeAll(async () => {
    const { chromium } = await import("playwright-core");
    browser = await chromium.launch({
      ...(executablePath !== undefined && { executablePath }),
      // Chromium's sandbox refuses to run as root, which containers are.
      args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
    });
  }, limitMs);

  afterAll(async () => {
    await browser?.close();
  });

  test(
    "shows every view without a complaint of the browser, and everything in it has a name",
    async () => {
      await using stage = await setStage();
      await (await chat(stage)).text();
      await using watched = await openPage(browser, stage.url);
      for (const tab of tabNames) {
        await openTab(watched.page, tab);
        await watched.page.getByRole("tabpanel").locator("h2, table").first().waitFor();
        expect([tab, await findFaults(watched.page)]).toEqual([tab, []]);
      }
      expect(watched.complaints).toEqual([]);
    },
    limitMs,
  );

  test(
    "what happens shows up by itself: a request begins, runs and ends",
    async () => {
      await using stage = await setStage();
      await using watched = await openPage(browser, stage.url);
      const { page } = watched;
      const tile = page.locator(".tile", { hasText: "In flight" }).locator("dd").first();
      await tile.filter({ hasText: /^0$/ }).waitFor();
      stage.alpha.behave = hangAfterTokens(["one"]);
      const answer = await chat(stage, true);
      await tile.filter({ hasText: /^1$/ }).waitFor();
      await answer.body?.cancel();
      await tile.filter({ hasText: /^0$/ }).waitFor();
      await openTab(page, "Requests");
      await page.getByText("client abort").first().waitFor();
    },
    limitMs,
  );

  test(
    "reads a changed file again, and says so while it has errors",
    async () => {
      await using stage = await setStage();
      await using watched = await openPage(browser, stage.url);
      const { page } = watched;
      await openTab(page, "Config");
      const settings = (proxy: object, watch = false) => ({
        endpoints: [{ name: "gamma", url: stage.beta.url, type: "openai-compatible" }],
        proxy: { ...proxy },
        sections: { config: { watch } },
      });
      await stage.olla.rewrite(settings({ engine: "fastest" }));
      const readAgain = page.getByRole("button", { name: "Read the file again" });
      await readAgain.click();
      const banner = page.getByRole("alert").filter({ hasText: "has an error" });
      await banner.waitFor();
      await page
        .getByRole("listitem")
        .filter({ hasText: /proxy\.engine: expected .*fastest/ })
        .waitFor();
      expect(await findFaults(page)).toEqual([]);
      if (shots !== undefined)
        await page.screenshot({ path: `${shots}/reload-rejected.png`, fullPage: true });

      await stage.olla.rewrite(settings({ engine: "olla" }));
      await readAgain.click();
      await banner.waitFor({ state: "detached" });
      await openTab(page, "Endpoints");
      await page.getByRole("row", { name: /gamma/ }).waitFor();
      // A reload is no fault of the connection: the page comes again by itself, and nothing is said about it.
      expect(await page.getByText("The connection to Olla has ended").count()).toBe(0);
    },
    limitMs,
  );

  test(
    "drains an endpoint after a question, tells how many requests run there, and enables it again",
    async () => {
      await using stage = await setStage();
      await using watched = await openPage(browser, stage.url);
      const { page } = watched;
      stage.alpha.behave = hangAfterTokens(["one"]);
      const running = await chat(stage, true);
      await openTab(page, "Endpoints");
      const row = page.getByRole("row", { name: /alpha/ });
      await row.locator('td[data-label="Running"]', { hasText: "1" }).waitFor();
      await page.getByRole("button", { name: "Drain alpha" }).click();
      const dialog = page.getByRole("dialog");
      expect(await dialog.textContent()).toContain("1 request runs there and goes on");
      await dialog.getByRole("button", { name: "Leave it" }).click();
      expect(await row.textContent()).not.toContain("draining");
      await page.getByRole("button", { name: "Drain alpha" }).click();
      await dialog.getByRole("button", { name: "Drain it" }).click();
      await page.getByRole("status").getByText("alpha is draining: 1 request runs there").waitFor();
      await row.getByText("draining").waitFor();
      const next = await chat(stage);
      expect(next.headers.get("x-olla-endpoint")).toBe("beta");
      await next.text();
      await running.body?.cancel();
      await page.getByRole("button", { name: "Enable alpha" }).click();
      await row.getByText("draining").waitFor({ state: "detached" });
      stage.alpha.behave = answerJson(completionOf("hello"));
      const back = await chat(stage);
      expect(back.headers.get("x-olla-endpoint")).toBe("alpha");
      await back.text();
      await page.getByRole("button", { name: "Probe beta now" }).click();
      await page.getByText("beta was asked, and is healthy").waitFor();
      expect(watched.complaints).toEqual([]);
    },
    limitMs,
  );

  test(
    "cancels a request after a question, and shows where its time went",
    async () => {
      await using stage = await setStage();
      await (await chat(stage, false, "before-the-page")).text();
      await using watched = await openPage(browser, stage.url);
      const { page } = watched;
      stage.alpha.behave = hangAfterTokens(["one"]);
      const answer = await chat(stage, true, "to-be-cancelled");
      const text = answer.text();
      await openTab(page, "Requests");
      await page.getByRole("button", { name: "Why request before-the-page went where it went" }).waitFor();
      await page.getByRole("button", { name: "Cancel request to-be-cancelled" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Cancel the request" }).click();
      await page.getByText("The request was cancelled").waitFor();
      expect(await text).toContain("cancelled");
      await page.getByText("Nothing runs right now.").waitFor();
      await page.getByRole("button", { name: "Why request to-be-cancelled went where it went" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByText(/^Where .* went$/).waitFor();
      await dialog.getByRole("listitem").filter({ hasText: "alpha candidate, rank" }).waitFor();
      await dialog.getByRole("heading", { name: "Attempts" }).waitFor();
      expect(await findFaults(page)).toEqual([]);
      await page.keyboard.press("Escape");
      await dialog.waitFor({ state: "detached" });
      expect(watched.complaints).toEqual([]);
    },
    limitMs,
  );

  test(
    "reads the lists of models anew, and shows names as text whatever they look like",
    async () => {
      await using stage = await setStage();
      await using watched = await openPage(browser, stage.url);
      const { page } = watched;
      await openTab(page, "Models");
      await page.getByText(evilName).first().waitFor();
      expect(await page.locator("img").count()).toBe(0);
      await page.getByRole("button", { name: "Read the lists of models again" }).click();
      await page.getByText("Lists were read: alpha has 2, beta has 1").waitFor();
      await page.getByLabel("Filter").fill("no such model");
      await page.getByText(evilName).first().waitFor({ state: "detached" });
    },
    limitMs,
  );

  test(
    "says that Olla is gone and how old its words are, and recovers by itself",
    async () => {
      const port = findFreePort();
      const stage = await setStage({ port });
      await using watched = await openPage(browser, stage.url);
      const { page } = watched;
      await page.getByText("2/2 up").waitFor();
      await stage[Symbol.asyncDispose]();
      const alert = page.getByRole("alert");
      await alert.getByText(/Olla does not answer|connection to Olla has ended/).waitFor();
      await alert.getByText(/Last heard \d+ s ago/).waitFor();
      expect(await page.locator("main").getAttribute("class")).toBe("is-old");
      await using again = await setStage({ port });
      expect(again.olla.port).toBe(port);
      await alert.waitFor({ state: "detached", timeout: 30_000 });
      expect(await page.locator("main").getAttribute("class")).toBe("");
    },
    limitMs,
  );

  test(
    "can be walked through by keyboard alone",
    async () => {
      await using stage = await setStage();
      await using watched = await openPage(browser, stage.url);
      const { page } = watched;
      await page.getByText("2/2 up").waitFor();
      const selected = () => page.locator('[role=tab][aria-selected="true"]').textContent();
      const focused = () => page.evaluate(() => document.activeElement?.textContent);
      await waitUntil(
        async () => {
          await page.keyboard.press("Tab");
          return (await focused()) === "Overview";
        },
        { what: "the Tab key comes to the tabs" },
      );
      const outline = await page.evaluate(
        () => getComputedStyle(document.activeElement ?? document.body).outlineStyle,
      );
      expect(outline).toBe("solid");
      for (const name of [...tabNames.slice(1), "Overview"]) {
        await page.keyboard.press("ArrowRight");
        expect([await selected(), await focused()]).toEqual([name, name]);
      }
      await page.keyboard.press("End");
      expect(await selected()).toBe("Config");
      await page.keyboard.press("Home");
      await page.keyboard.press("ArrowRight");
      await page.waitForURL("**/#endpoints");
      // Behind the tabs come the actions of the view; a dialog takes the keys and gives them back.
      await page.keyboard.press("Tab");
      expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toBe(
        "Drain alpha",
      );
      await page.keyboard.press("Enter");
      await page.getByRole("dialog").waitFor();
      expect(await focused()).toBe("Leave it");
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toBe(
        "Drain alpha",
      );
      await page.goBack();
      await page.getByRole("tabpanel", { name: "Overview" }).waitFor();
    },
    limitMs,
  );

  test.each(["light", "dark"] as const)(
    "fits a phone and can be read, in the %s theme",
    async (theme) => {
      await using stage = await setStage();
      stage.alpha.behave = hangAfterTokens(["one"]);
      const running = await chat(stage, true);
      stage.alpha.behave = answerJson(completionOf("hello"));
      await (await chat(stage)).text();
      await using watched = await openPage(browser, stage.url, { width: 360, theme });
      const { page } = watched;
      for (const tab of tabNames) {
        await openTab(page, tab);
        await page.getByRole("tabpanel").locator("h2, table").first().waitFor();
        const widest = await page.evaluate(() => document.documentElement.scrollWidth);
        expect([tab, widest]).toEqual([tab, 360]);
      }
      for (const [pair, ratio] of await readContrasts(page)) {
        expect([pair, ratio >= 4.5]).toEqual([pair, true]);
      }
      expect(await page.evaluate(() => document.getAnimations().length)).toBe(0);
      await running.body?.cancel();
    },
    limitMs,
  );

  test(
    "keeps the theme that was chosen",
    async () => {
      await using stage = await setStage();
      await using watched = await openPage(browser, stage.url);
      const { page } = watched;
      const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      const light = await background();
      await page.getByRole("button", { name: "Theme: auto" }).click();
      await page.getByRole("button", { name: "Theme: light" }).click();
      await page.getByRole("button", { name: "Theme: dark" }).waitFor();
      expect(await background()).not.toBe(light);
      await page.reload();
      await page.getByRole("button", { name: "Theme: dark" }).waitFor();
      expect(await background()).not.toBe(light);
      expect(await page.evaluate(() => localStorage.getItem("olla-theme"))).toBe("dark");
    },
    limitMs,
  );

  test(
    "listens only while it is shown",
    async () => {
      await using stage = await setStage();
      await using watched = await openPage(browser, stage.url);
      const { page } = watched;
      await page.getByText("2/2 up").waitFor();
      const isFeed = (request: Request) => request.url().endsWith("/internal/events");
      const ended = page.waitForEvent("requestfailed", isFeed);
      await hide(true);
      await ended;
      const begun = page.waitForEvent("request", isFeed);
      await hide(false);
      await begun;
      expect(await page.getByRole("alert").count()).toBe(0);

      /** As the browser does when another tab is chosen. */
      async function hide(isHidden: boolean): Promise<void> {
        await page.evaluate((value) => {
          Object.defineProperty(document, "hidden", { configurable: true, get: () => value });
          document.dispatchEvent(new Event("visibilitychange"));
        }, isHidden);
      }
    },
    limitMs,
  );

  test(
    "asks for the admin key, keeps it in this tab only, and opens with the right one",
    async () => {
      const key = "an-admin-key-0123456789";
      await using stage = await setStage({ admin: { key } });
      await using watched = await openPage(browser, stage.url);
      const { page } = watched;
      await page.getByLabel("Key").fill("a-wrong-key-0123456789");
      await page.getByRole("button", { name: "Open" }).click();
      await page.getByRole("alert").getByText("not the admin key").waitFor();
      await page.getByLabel("Key").fill(key);
      await page.getByRole("button", { name: "Open" }).click();
      await page.getByText("/2 up").waitFor();
      await openTab(page, "Config");
      await page.getByText("server.admin", { exact: true }).waitFor();
      expect(await page.content()).not.toContain(key);
      const kept = await page.evaluate(() => [localStorage.length, sessionStorage.length, document.cookie]);
      expect(kept).toEqual([0, 1, ""]);
      await page.getByRole("button", { name: "Forget key" }).click();
      await page.getByLabel("Key").waitFor();
      expect(stage.olla.output()).not.toContain(key);
    },
    limitMs,
  );
});
