import type { UpstreamAnswer } from "./attempt.ts";
import type { RelayLimits } from "./relay.ts";
import { watchSilence } from "./silence-watch.ts";
import { classifyBodyFailure, upstreamError } from "./upstream-error.ts";

/** Reads a short answer whole. Rejects with a classified OllaError when the body does not arrive complete. */
export async function readWholeBody(answer: UpstreamAnswer, limits: RelayLimits): Promise<Uint8Array> {
  const { clock, firstByteMs, silenceMs } = limits;
  // Nothing is handed on in between, so one limit for the whole body says the same as one for each silence.
  const limitMs = silenceMs > 0 && firstByteMs > 0 ? firstByteMs + silenceMs : 0;
  const expire = () => answer.abort(upstreamError("read_timeout", answer.endpoint.name, limitMs));
  const cancelTimer = limitMs > 0 ? clock.deadline(limitMs, expire) : () => {};
  const hasOneLimit = limitMs > 0 || (silenceMs <= 0 && firstByteMs <= 0);
  try {
    return await (hasOneLimit ? answer.response.bytes() : readByPieces(answer, limits));
  } catch (error) {
    throw classifyBodyFailure(error, answer.signal, answer.endpoint.name, clock.now() - answer.startedAt);
  } finally {
    cancelTimer();
    answer.detach();
  }
}

/** Where only one of the two limits is set, it matters which of the silences is the first. */
async function readByPieces(
  answer: UpstreamAnswer,
  { clock, firstByteMs, silenceMs }: RelayLimits,
): Promise<Uint8Array> {
  const limitMs = Math.max(firstByteMs, silenceMs);
  const silence = watchSilence({ clock, firstByteMs, silenceMs }, () =>
    answer.abort(upstreamError("read_timeout", answer.endpoint.name, limitMs)),
  );
  const pieces: Uint8Array[] = [];
  try {
    silence.startRead();
    for await (const piece of answer.response.body ?? []) {
      silence.endRead();
      pieces.push(piece);
      silence.startRead();
    }
    return Buffer.concat(pieces);
  } finally {
    silence.stop();
  }
}
