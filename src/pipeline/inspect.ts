import { type BodyScan, scanBody } from "./body-scan.ts";

/** What a request asks for, as far as its body tells. */
export interface Inspection {
  /** The client's own spelling without space around it; undefined when the request names no model. */
  readonly model: string | undefined;
  readonly wantsStream: boolean;
  /** The bytes that go upstream. */
  readonly body: Uint8Array<ArrayBuffer> | undefined;
  /** Undefined when there is no body; `isObject` is false when it is no JSON object. */
  readonly scan: BodyScan | undefined;
}

const nothingAsked: Inspection = Object.freeze({
  model: undefined,
  wantsStream: false,
  body: undefined,
  scan: undefined,
});

/**
 * Never fails: a body that cannot be understood is for the endpoint to judge. The Content-Type is not asked.
 * @param withConversation whether it matters to whose conversation the request belongs
 */
export function inspect(body: Uint8Array<ArrayBuffer> | undefined, withConversation = false): Inspection {
  if (body === undefined) return nothingAsked;
  const scan = scanBody(body, withConversation);
  const name = scan.model?.value.trim();
  return { model: name === "" ? undefined : name, wantsStream: scan.wantsStream, body, scan };
}
