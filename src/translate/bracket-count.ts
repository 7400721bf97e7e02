const quote = 0x22;
const backslash = 0x5c;
const openings = new Set([..."{["].map((bracket) => bracket.charCodeAt(0)));
const closings = new Set([..."}]"].map((bracket) => bracket.charCodeAt(0)));

/**
 * Follows JSON that comes in pieces: looks at each character once, however often it is asked. Of text that is no JSON it
 * may say anything.
 */
export class BracketCount {
  #depth = 0;
  #hasOpened = false;
  #isInText = false;
  #isEscaped = false;

  push(piece: string): void {
    for (let at = 0; at < piece.length; at += 1) this.#read(piece.charCodeAt(at));
  }

  /** Whether every bracket is closed again, of at least one. */
  get isClosed(): boolean {
    return this.#hasOpened && this.#depth <= 0;
  }

  #read(character: number): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (this.#isInText && character === backslash) this.#isEscaped = true;
    else if (character === quote) this.#isInText = !this.#isInText;
    else if (this.#isInText) return;
    else if (openings.has(character)) this.#open();
    else if (closings.has(character)) this.#depth -= 1;
  }

  #open(): void {
    this.#depth += 1;
    this.#hasOpened = true;
  }
}
