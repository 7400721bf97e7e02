import type { Browser, ConsoleMessage, Page } from "playwright-core";

export interface WatchedPage extends AsyncDisposable {
  readonly page: Page;
  /** What the browser complained about, breaches of the content policy among it. */
  readonly complaints: string[];
}

interface PageOptions {
  readonly width?: number;
  readonly theme?: "light" | "dark";
}

/** A window of its own, with nothing kept from others. */
export async function openPage(
  browser: Browser,
  url: string,
  { width = 1_200, theme = "light" }: PageOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme: theme });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const complaints: string[] = [];
  page.on("console", (message: ConsoleMessage) => {
    if (message.type() === "error" || message.type() === "warning") {
      complaints.push(`${message.text()} (${message.location().url})`);
    }
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(url);
  return {
    page,
    complaints,
    async [Symbol.asyncDispose]() {
      await context.close();
    },
  };
}

export const tabNames = ["Overview", "Endpoints", "Models", "Requests", "Config"] as const;

export async function openTab(page: Page, name: (typeof tabNames)[number]): Promise<void> {
  await page.getByRole("tab", { name }).click();
  await page.getByRole("tabpanel", { name }).waitFor();
}

/** Of WCAG 2.2: 4.5 is enough for text of any size. */
export async function readContrasts(page: Page): Promise<[pair: string, ratio: number][]> {
  return await page.evaluate(() => {
    const canvas = document.createElement("canvas").getContext("2d");
    const styles = getComputedStyle(document.documentElement);
    const luminance = (name: string): number => {
      if (canvas === null) return 0;
      canvas.fillStyle = styles.getPropertyValue(`--${name}`).trim();
      canvas.fillRect(0, 0, 1, 1);
      const [red = 0, green = 0, blue = 0] = canvas.getImageData(0, 0, 1, 1).data;
      const linear = (value: number) => {
        const share = value / 255;
        return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
      };
      return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
    };
    const pairs: [string, string][] = ["ink", "quiet", "accent", "good", "fair", "bad"].flatMap(
      (ink): [string, string][] => [
        [ink, "card"],
        [ink, "page"],
      ],
    );
    pairs.push(["on-accent", "accent"], ["bad", "bad-back"], ["ink", "bad-back"], ["ink", "hover"]);
    return pairs.map(([ink, paper]): [string, number] => {
      const [darker = 0, lighter = 0] = [luminance(ink), luminance(paper)].sort((one, other) => one - other);
      return [`${ink} on ${paper}`, (lighter + 0.05) / (darker + 0.05)];
    });
  });
}

/** What a person with a screen reader would miss. */
export async function findFaults(page: Page): Promise<string[]> {
  return [...(await findNameless(page)), ...(await findLooseEnds(page))];
}

function findNameless(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const without = (selector: string, fault: string, isFine: (element: Element) => boolean) =>
      [...document.querySelectorAll(selector)]
        .filter((element) => !isFine(element))
        .map((element) => `${fault}: ${element.outerHTML.slice(0, 100)}`);
    const hasName = (element: Element) =>
      (element.getAttribute("aria-label") ?? element.textContent ?? "").trim() !== "";
    return [
      ...without("button, a, [role=img], th", "without a name", hasName),
      ...without("input", "without a label", (input) => input.matches("label input, #admin-key")),
      ...without("th", "of no row or column", (head) => head.hasAttribute("scope")),
    ];
  });
}

function findLooseEnds(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
    const references = [...document.querySelectorAll("[aria-labelledby], [aria-controls]")].flatMap(
      (element) => ["aria-labelledby", "aria-controls"].flatMap((name) => element.getAttribute(name) ?? []),
    );
    const isOnce = (selector: string) => document.querySelectorAll(selector).length === 1;
    return [
      ...ids.filter((id, index) => ids.indexOf(id) !== index).map((id) => `twice there: ${id}`),
      ...references.filter((id) => !ids.includes(id)).map((id) => `leads nowhere: ${id}`),
      ...["h1", "main", "header", "html[lang]", "title"]
        .filter((part) => !isOnce(part))
        .map((part) => `not one ${part}`),
    ];
  });
}
