/** Members whose text is a credential, whatever it looks like; compared without case, `-` and `_`. */
const credentialMembers: ReadonlySet<string> = new Set([
  "apikey",
  "authorization",
  "authorizationtoken",
  "accesstoken",
  "refreshtoken",
  "authtoken",
  "clientsecret",
  "password",
  "privatekey",
  "secret",
  "token",
  "cookie",
]);

/** What credentials of common services look like inside other texts. */
const credentialShapes =
  /\b(?:sk|pk|rk)-[\w-]{16,}|\bBearer\s+[\w.~+/-]{12,}=*|\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}|\bxox[abprs]-[\w-]{10,}|\bAKIA[0-9A-Z]{16}\b|\bAIza[\w-]{30,}|\bhf_\w{20,}|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{4,}|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g;

const redacted = "[REDACTED]";

/** JSON text of a value, with what looks like a credential replaced. */
export function toRedactedJson(value: unknown): string {
  return JSON.stringify(value, (name, member: unknown) => {
    if (typeof member !== "string") return member;
    if (member !== "" && credentialMembers.has(name.toLowerCase().replaceAll(/[-_]/g, ""))) return redacted;
    return member.replace(credentialShapes, redacted);
  });
}
