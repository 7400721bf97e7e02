import type { AssistantMessage, ChatMessage, ContentPart, ToolMessage } from "../chat-request.ts";

/** Whether a tool message can carry it; the rest is shown to the model in a user's message. */
type Fits = (part: ContentPart) => boolean;

/**
 * A conversation in the order that every chat template takes: one system message, at the beginning; behind each
 * message with calls their results, in the order of the calls; what tools answered besides text in the user's message
 * that follows; no two messages of the user in a row.
 * @param fits tells parts that a tool message can carry
 */
export function arrangeMessages(messages: readonly ChatMessage[], fits: Fits): readonly ChatMessage[] {
  const firstAnswer = messages.findIndex(({ role }) => role === "assistant");
  const opening = messages.slice(0, firstAnswer < 0 ? messages.length : firstAnswer);
  const instructions = opening.flatMap((message) => (message.role === "system" ? [message.text] : []));
  const arranged = new Arrangement(fits);
  // Many templates take no second system message, and none behind the first user's.
  if (instructions.length > 0) arranged.add({ role: "system", text: instructions.join("\n\n") });
  arranged.addAll(opening.filter(({ role }) => role !== "system"));
  for (const turn of turnsOf(messages.slice(opening.length))) {
    arranged.add(turn.answer);
    arranged.addAll(orderResults(turn.results, turn.answer));
    arranged.addAll(turn.others);
  }
  arranged.end();
  return arranged.messages;
}

class Arrangement {
  readonly messages: ChatMessage[] = [];
  readonly #fits: Fits;
  /** For the beginning of the next user's message: nothing may stand between the results of tools. */
  #waiting: ContentPart[] = [];
  /** The parts of the last message, while it is the user's. */
  #said: ContentPart[] | undefined;

  constructor(fits: Fits) {
    this.#fits = fits;
  }

  addAll(messages: readonly ChatMessage[]): void {
    for (const message of messages) {
      if (message.role === "system") this.#waiting.push(noteOf(message.text));
      else this.add(message);
    }
  }

  add(message: ChatMessage): void {
    switch (message.role) {
      case "tool":
        this.#addResult(message);
        return;
      case "user":
        this.#addSaid([...this.#waiting, ...message.parts]);
        this.#waiting = [];
        return;
      default:
        this.end();
        this.#said = undefined;
        this.messages.push(message);
    }
  }

  /** What waits and finds no user's message becomes one. */
  end(): void {
    if (this.#waiting.length > 0) this.#addSaid(this.#waiting);
    this.#waiting = [];
  }

  /** Many templates want the user and the model to take turns: what follows the user's message goes on in it. */
  #addSaid(parts: readonly ContentPart[]): void {
    if (this.#said === undefined) {
      this.#said = [];
      this.messages.push({ role: "user", parts: this.#said });
    } else if (needsGap(this.#said.at(-1), parts[0])) {
      this.#said.push({ kind: "text", text: "\n\n" });
    }
    for (const part of parts) this.#said.push(part);
  }

  #addResult(message: ToolMessage): void {
    const shown = message.parts.filter((part) => !this.#fits(part));
    this.#waiting.push(...shown);
    const told = message.parts.filter(this.#fits);
    this.#said = undefined;
    const isMute = told.length === 0 && shown.length > 0;
    this.messages.push({ ...message, parts: isMute ? [pointerTo(shown)] : told });
  }
}

/** An answer of the model, with all that was said until the next one. */
interface Turn {
  readonly answer: AssistantMessage;
  readonly results: ToolMessage[];
  readonly others: ChatMessage[];
}

/** @param messages from the first answer on */
function turnsOf(messages: readonly ChatMessage[]): readonly Turn[] {
  const turns: Turn[] = [];
  for (const message of messages) {
    if (message.role === "assistant") turns.push({ answer: message, results: [], others: [] });
    else if (message.role === "tool") turns.at(-1)?.results.push(message);
    else turns.at(-1)?.others.push(message);
  }
  return turns;
}

/** Tools that ran at the same time end in any order; some templates take the first result for the first call's. */
function orderResults(results: readonly ToolMessage[], { parts }: AssistantMessage): readonly ToolMessage[] {
  const ids = parts.flatMap((part) => (part.kind === "tool-call" ? [part.id] : []));
  const placeOf = ({ callId }: ToolMessage): number => {
    const place = ids.indexOf(callId);
    return place < 0 ? ids.length : place;
  };
  return results.toSorted((one, other) => placeOf(one) - placeOf(other));
}

/** Texts of two messages must not run together. */
function needsGap(before: ContentPart | undefined, after: ContentPart | undefined): boolean {
  return before?.kind === "text" && after?.kind === "text" && !before.text.endsWith("\n\n");
}

/** Instructions given on the way, told from what the user says. */
function noteOf(text: string): ContentPart {
  return { kind: "text", text: `<system>\n${text}\n</system>\n\n` };
}

function pointerTo(shown: readonly ContentPart[]): ContentPart {
  const isImages = shown.every(({ kind }) => kind === "image");
  const thing = isImages ? "image" : "file";
  const text = shown.length === 1 ? `The ${thing} follows.` : `The ${thing}s follow.`;
  return { kind: "text", text };
}
