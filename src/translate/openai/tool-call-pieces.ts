import { isObject, type JsonObject, parseJson } from "../../lib/json.ts";
import { createToolCallId } from "../answer-ids.ts";
import { BracketCount } from "../bracket-count.ts";
import type { AnswerEvent } from "../chat-answer.ts";
import { filledText } from "../wire.ts";

interface ToolCall {
  readonly index: number;
  /** As the endpoint gave it. */
  id: string | undefined;
  name: string | undefined;
  /** All of its arguments so far. */
  said: string;
  /** Of `said`. */
  readonly brackets: BracketCount;
  isAnnounced: boolean;
}

/** What one piece says. */
interface Piece {
  readonly id: string | undefined;
  readonly name: string | undefined;
  /** Arguments. */
  readonly said: string | undefined;
}

/**
 * Puts the pieces of tool calls together. By the book a call has a number, its first piece the id and the name, and
 * all others only arguments. Servers leave away the number, give each call the number 0, leave away the id, or say id
 * and name with every piece.
 */
export class ToolCallPieces {
  readonly #sink: (event: AnswerEvent) => void;
  readonly #calls: ToolCall[] = [];
  readonly #byNumber = new Map<number, ToolCall>();
  readonly #announcedIds = new Set<string>();

  constructor(sink: (event: AnswerEvent) => void) {
    this.#sink = sink;
  }

  /** Calls that were announced. */
  get count(): number {
    return this.#announcedIds.size;
  }

  push(piece: JsonObject): void {
    const details = isObject(piece.function) ? piece.function : {};
    const id = filledText(piece.id);
    const name = filledText(details.name);
    const given = details.arguments;
    const said = isObject(given) ? JSON.stringify(given) : filledText(given);
    const call = this.#callOf(piece.index, { id, name, said });
    call.id ??= id;
    call.name ??= name;
    if (!call.isAnnounced && call.id !== undefined) this.#announce(call);
    if (said === undefined) return;
    call.said += said;
    call.brackets.push(said);
    if (call.isAnnounced) this.#sink({ kind: "tool-arguments", index: call.index, text: said });
    else this.#announce(call);
  }

  /** Nothing more will come. A call that never got a name can't be run by anyone. */
  end(): void {
    for (const call of this.#calls) this.#announce(call);
  }

  #callOf(number: unknown, piece: Piece): ToolCall {
    const known = this.#knownCall(number, piece.id);
    if (known !== undefined && !isAnother(known, typeof number === "number", piece)) return known;
    const call: ToolCall = {
      index: this.#calls.length,
      id: undefined,
      name: undefined,
      said: "",
      brackets: new BracketCount(),
      isAnnounced: false,
    };
    this.#calls.push(call);
    if (typeof number === "number") this.#byNumber.set(number, call);
    return call;
  }

  #knownCall(number: unknown, id: string | undefined): ToolCall | undefined {
    if (typeof number === "number") return this.#byNumber.get(number);
    const sameId = id === undefined ? undefined : this.#calls.find((call) => call.id === id);
    return sameId ?? this.#calls.at(-1);
  }

  /** As soon as it is known what the call is called. Whoever has no id by its first argument gets one. */
  #announce(call: ToolCall): void {
    const { index, name, said, isAnnounced } = call;
    if (isAnnounced || name === undefined) return;
    call.isAnnounced = true;
    // Clients find a result's call by its id, so no two may have the same one.
    const isTaken = call.id === undefined || this.#announcedIds.has(call.id);
    const id = isTaken || call.id === undefined ? createToolCallId() : call.id;
    this.#announcedIds.add(id);
    this.#sink({ kind: "tool-call", index, id, name });
    if (said !== "") this.#sink({ kind: "tool-arguments", index, text: said });
  }
}

/** Whether a piece begins a call of its own, although its number, or the lack of one, says that it goes on. */
function isAnother(known: ToolCall, isNumbered: boolean, { id, name, said }: Piece): boolean {
  const isSameId = id !== undefined && id === known.id;
  const hasOtherId = id !== undefined && known.id !== undefined && !isSameId;
  if (name === undefined) return hasOtherId && !isNumbered;
  if (known.name === undefined) return hasOtherId;
  if (name !== known.name || isSameId) return !isSameId;
  // The same name again: the same function a second time, or a server that says the name with every piece.
  if (hasOtherId) return known.said === "" || isWhole(known);
  return said !== undefined && isWhole(known);
}

/** Read only where it can be true: after every piece it would cost the square of its length. */
function isWhole({ said, brackets }: ToolCall): boolean {
  return brackets.isClosed && isObject(parseJson(said));
}
