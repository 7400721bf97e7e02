export type Member = readonly [key: string, value: unknown];

/** Writes JSON with space and `\u` escapes wherever `choices`, read round and round, says so. */
export class WildWriter {
  readonly #choices: readonly number[];
  #next = 0;

  constructor(choices: readonly number[]) {
    this.#choices = choices;
  }

  object(members: readonly Member[]): string {
    const written = members.map(
      ([key, value]) => `${this.#space()}${this.#string(key)}${this.#space()}:${this.#value(value)}`,
    );
    return `${this.#space()}{${written.join(",")}${this.#space()}}${this.#space()}`;
  }

  #value(value: unknown): string {
    if (typeof value === "string") return `${this.#space()}${this.#string(value)}${this.#space()}`;
    if (Array.isArray(value)) {
      return `${this.#space()}[${value.map((each) => this.#value(each)).join(",")}${this.#space()}]${this.#space()}`;
    }
    if (typeof value === "object" && value !== null) return this.object(Object.entries(value));
    return `${this.#space()}${JSON.stringify(value)}${this.#space()}`;
  }

  #string(text: string): string {
    const quoted = JSON.stringify(text);
    if (this.#choose(3) > 0) return quoted;
    const escaped = Array.from({ length: text.length }, (_, index) => {
      const code = text.charCodeAt(index).toString(16).padStart(4, "0");
      return `\\u${this.#choose(2) === 0 ? code : code.toUpperCase()}`;
    });
    return `"${escaped.join("")}"`;
  }

  #space(): string {
    return ["", "", " ", "\n", "\r\n\t "][this.#choose(5)] ?? "";
  }

  #choose(count: number): number {
    const choice = this.#choices[this.#next++ % this.#choices.length] ?? 0;
    return choice % count;
  }
}
