import { parseArgs } from "node:util";

/** One simple command: `A=1 curl x | head` has two. */
export interface ShellCommand {
  readonly name: string;
  readonly args: readonly string[];
}

/**
 * The commands of a shell block as pages show them: quotes, `\` at the end of a line, comments, `&&`, `|`, `;`, variables
 * in front, `sudo`. No loops and no functions; here-documents end the reading.
 */
export function readCommands(text: string): ShellCommand[] {
  return splitWords(text.replace(/<<[\s\S]*$/, "")).flatMap((words) => {
    const start = words.findIndex((word) => !/^[A-Za-z_]\w*=/.test(word) && !leadIns.includes(word));
    const [name, ...args] = start < 0 ? [] : words.slice(start);
    return name === undefined ? [] : [{ name, args }];
  });
}

const leadIns = ["sudo", "env", "export", "exec", "time", "then", "do", "!", "$"];

/** A list of words for each command. */
function splitWords(text: string): string[][] {
  const commands: string[][] = [[]];
  let word: string | undefined;
  let quote = "";
  const endWord = () => {
    if (word !== undefined) commands.at(-1)?.push(word);
    word = undefined;
  };
  const endCommand = () => {
    endWord();
    commands.push([]);
  };
  for (let index = 0; index < text.length; index++) {
    const character = text.charAt(index);
    if (quote !== "") {
      if (character === quote) quote = "";
      else word += character;
    } else if (character === "'" || character === '"') {
      quote = character;
      word ??= "";
    } else if (character === "\\") {
      index++;
      if (text.charAt(index) !== "\n") word = (word ?? "") + text.charAt(index);
    } else if (character === "#" && word === undefined) {
      index = text.indexOf("\n", index) - 1;
      if (index < 0) break;
    } else if ("\n;|&()".includes(character)) {
      endCommand();
    } else if (character === " " || character === "\t") {
      endWord();
    } else {
      word = (word ?? "") + character;
    }
  }
  endCommand();
  return commands.filter((words) => words.length > 0);
}

/** What a `curl` line asks for; `undefined` where it asks another host than an Olla at the usual port. */
export interface CurlRequest {
  readonly path: string;
  readonly init: {
    readonly method: string;
    readonly headers: Record<string, string>;
    readonly body?: string;
  };
}

const curlOptions = {
  request: { type: "string", short: "X" },
  header: { type: "string", short: "H", multiple: true },
  data: { type: "string", short: "d" },
  cacert: { type: "string" },
  "unix-socket": { type: "string" },
  output: { type: "string", short: "o" },
  user: { type: "string", short: "u" },
} as const;

export function readCurl(args: readonly string[]): CurlRequest | undefined {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: curlOptions,
    strict: false,
    allowPositionals: true,
  });
  const [address = ""] = positionals;
  const url = URL.parse(/^https?:/.test(address) ? address : `http://${address}`);
  if (url === null || !isOlla(url)) return undefined;
  const headers = (values.header ?? []).map((line) => {
    const [name = "", ...value] = String(line).split(":");
    return [name, value.join(":").trim()] as const;
  });
  const body = typeof values.data === "string" ? values.data : undefined;
  const method = String(values.request ?? (body === undefined ? "GET" : "POST"));
  const init = { method, headers: Object.fromEntries(headers), ...(body !== undefined && { body }) };
  return { path: `${url.pathname}${url.search}`, init };
}

/** At the usual ports, or through a Unix socket. */
function isOlla({ hostname, port }: URL): boolean {
  return port === "40114" || port === "40115" || (hostname === "localhost" && port === "");
}
