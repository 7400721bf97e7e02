export interface ServerEvent {
  readonly name: string;
  readonly text: string;
}

/**
 * Cuts a stream of server-sent events at its empty lines. Only what Olla's feed uses is read: one `event` line and one
 * `data` line.
 */
export class EventCutter {
  #rest = "";

  push(text: string): ServerEvent[] {
    const blocks = (this.#rest + text).split("\n\n");
    this.#rest = blocks.pop() ?? "";
    return blocks.flatMap((block) => {
      const lines = block.split("\n");
      const name = memberOf(lines, "event: ");
      const data = memberOf(lines, "data: ");
      return name === undefined || data === undefined ? [] : [{ name, text: data }];
    });
  }
}

function memberOf(lines: readonly string[], prefix: string): string | undefined {
  return lines.find((line) => line.startsWith(prefix))?.slice(prefix.length);
}
