/** How a connection to an https server is checked; goes to `fetch` as its `tls`. */
export interface ClientTls {
  /** Said either way: left out, `NODE_TLS_REJECT_UNAUTHORIZED` of the environment would decide. */
  readonly rejectUnauthorized: boolean;
  /** PEM. Takes the place of the built-in list of authorities. */
  readonly ca?: string;
  /** Asked for by SNI and looked for in the certificate, instead of the URL's host. */
  readonly serverName?: string;
}

const anotherName = "has a certificate for another name (set tls.server_name to a name that it carries)";
const unknownIssuer =
  "has a certificate that cannot be verified (set tls.ca to the file of its certificate authority, or tls.insecure_skip_verify)";

const deedByCode: Readonly<Record<string, string>> = {
  ERR_TLS_CERT_ALTNAME_INVALID: anotherName,
  HOSTNAME_MISMATCH: anotherName,
  CERT_HAS_EXPIRED:
    "has a certificate that has expired (renew it there; tls.insecure_skip_verify accepts it meanwhile)",
  CERT_NOT_YET_VALID: "has a certificate that is not valid yet (compare the clocks of both machines)",
  CERT_REVOKED: "has a certificate that was revoked",
  CERT_UNTRUSTED: unknownIssuer,
  CERT_REJECTED: unknownIssuer,
  CERT_SIGNATURE_FAILURE: unknownIssuer,
  DEPTH_ZERO_SELF_SIGNED_CERT: unknownIssuer,
  SELF_SIGNED_CERT_IN_CHAIN: unknownIssuer,
  UNABLE_TO_GET_ISSUER_CERT: unknownIssuer,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownIssuer,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownIssuer,
  INVALID_CA: unknownIssuer,
};

const maxCauseDepth = 4;

/** What is wrong with a server's certificate, and the cure; completes "Endpoint "x" …". Undefined for other failures. */
export function explainCertificateFailure(error: unknown): string | undefined {
  let current = error;
  for (let depth = 0; depth < maxCauseDepth && typeof current === "object" && current !== null; depth += 1) {
    const code = "code" in current && typeof current.code === "string" ? current.code : "";
    if (Object.hasOwn(deedByCode, code)) return deedByCode[code];
    current = "cause" in current ? current.cause : undefined;
  }
  return undefined;
}
