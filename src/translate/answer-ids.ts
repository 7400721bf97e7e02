const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/** Like Anthropic's: `msg_01…`. */
export function createMessageId(): string {
  return `msg_01${randomText(22)}`;
}

/** For a call that an endpoint gave no id. */
export function createToolCallId(): string {
  return `toolu_01${randomText(22)}`;
}

/** @param length characters of which each says almost 6 bits */
export function randomText(length: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(length));
  let text = "";
  for (const byte of bytes) text += alphabet[byte % alphabet.length];
  return text;
}
