import type { ChaosAsk } from "./chaos-upstream.ts";
import { tokenText, wholeText } from "./chaos-upstream.ts";

/** What a client saw of its request. `violation`: something that must never happen. */
export type ClientVerdict =
  | { readonly kind: "complete" }
  /** Begun and broken, and the client can tell. */
  | { readonly kind: "cut" }
  /** An error answer with nothing of the answer before it. */
  | { readonly kind: "failed"; readonly status: number; readonly code: string }
  /** The client went away itself. */
  | { readonly kind: "left" }
  | { readonly kind: "violation"; readonly what: string };

export interface ClientReport {
  readonly verdict: ClientVerdict;
  readonly attempts: number;
  /** Head and body as received, for the search for credentials. */
  readonly received: string;
}

interface Received {
  readonly status: number;
  readonly headers: string;
  readonly attempts: number;
  readonly text: string;
  /** The connection broke before the body's end. */
  readonly isBroken: boolean;
}

export async function askOnce(
  url: string,
  ask: ChaosAsk,
  authorization: string,
  leave: AbortSignal,
): Promise<ClientReport> {
  let received: Received;
  try {
    received = await receive(url, ask, authorization, leave);
  } catch (error) {
    if (leave.aborted) return { verdict: { kind: "left" }, attempts: 0, received: "" };
    return {
      verdict: { kind: "violation", what: `no answer at all: ${String(error)}` },
      attempts: 0,
      received: "",
    };
  }
  const verdict: ClientVerdict = leave.aborted ? { kind: "left" } : judge(ask, received);
  return { verdict, attempts: received.attempts, received: `${received.headers}\n${received.text}` };
}

async function receive(
  url: string,
  ask: ChaosAsk,
  authorization: string,
  leave: AbortSignal,
): Promise<Received> {
  const answer = await fetch(`${url}/olla/proxy/v1/chat/completions`, {
    method: "POST",
    body: JSON.stringify(ask),
    headers: { Authorization: authorization, "Content-Type": "application/json" },
    signal: leave,
  });
  const head = {
    status: answer.status,
    headers: JSON.stringify([...answer.headers]),
    attempts: Number(answer.headers.get("x-olla-attempts") ?? 0),
  };
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const piece of answer.body ?? []) text += decoder.decode(piece, { stream: true });
    return { ...head, text, isBroken: false };
  } catch {
    // How the connection broke does not matter: the client knows that the answer is not whole.
    return { ...head, text, isBroken: true };
  }
}

function judge(ask: ChaosAsk, received: Received): ClientVerdict {
  const foreign = received.text.match(/nonce-\d+-\d+-/g)?.find((nonce) => nonce !== ask.nonce);
  if (foreign !== undefined)
    return { kind: "violation", what: `the answer to ${foreign} came to ${ask.nonce}` };
  if (received.status !== 200) return judgeRefusal(received);
  return ask.stream ? judgeStream(ask, received) : judgeWhole(ask, received);
}

function judgeRefusal({ status, text, isBroken }: Received): ClientVerdict {
  if (isBroken) return { kind: "violation", what: `an error answer (${status}) broke off` };
  try {
    const { error } = JSON.parse(text) as { error: { code?: unknown; message?: unknown } };
    if (typeof error.message !== "string") throw new Error("no message");
    return { kind: "failed", status, code: String(error.code ?? "the endpoint's own") };
  } catch (cause) {
    return {
      kind: "violation",
      what: `a malformed error answer (${status}, ${String(cause)}): ${text.slice(0, 200)}`,
    };
  }
}

function judgeWhole(ask: ChaosAsk, { text, isBroken }: Received): ClientVerdict {
  if (isBroken) return { kind: "cut" };
  try {
    const { choices } = JSON.parse(text) as { choices: { message: { content: string } }[] };
    if (choices[0]?.message.content === wholeText(ask)) return { kind: "complete" };
  } catch {
    // Said below.
  }
  return { kind: "violation", what: `a 200 that is not the answer: ${text.slice(0, 200)}` };
}

function judgeStream(ask: ChaosAsk, { text, isBroken }: Received): ClientVerdict {
  const events = text.split("\n\n").filter((block) => block.startsWith("data: "));
  const isDone = events.includes("data: [DONE]");
  const hasError = events.some((event) => event.includes('"error"'));
  const tokens = events.flatMap((event) => /"content":"([^"]*)"/.exec(event)?.[1] ?? []);
  const inOrder = tokens.every((token, index) => token === tokenText(ask.nonce, index));
  if (!inOrder)
    return { kind: "violation", what: `tokens twice, missing or out of order: ${tokens.join(" ")}` };
  if (isDone && tokens.length < ask.tokens)
    return { kind: "violation", what: `[DONE] after ${tokens.length} of ${ask.tokens} tokens` };
  if (isDone && hasError) return { kind: "violation", what: "[DONE] and an error" };
  if (isDone) return { kind: "complete" };
  if (isBroken || hasError) return { kind: "cut" };
  return { kind: "violation", what: `a cut that looks like an end, after ${tokens.length} tokens` };
}
