const keyName = "olla-admin-key";

/** What Olla said no with, or that it said nothing. */
export class ApiError extends Error {
  /** HTTP status; 0 when no answer came. */
  readonly status: number;

  constructor(message: string, options: ErrorOptions & { readonly status: number }) {
    super(message, options);
    this.name = "ApiError";
    this.status = options.status;
  }
}

/** Kept for this tab only, and gone with it. */
export function storeKey(key: string): void {
  sessionStorage.setItem(keyName, key);
}

export function forgetKey(): void {
  sessionStorage.removeItem(keyName);
}

export function hasKey(): boolean {
  return sessionStorage.getItem(keyName) !== null;
}

/** @throws ApiError for any answer that is no success, and for none */
export async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  const key = sessionStorage.getItem(keyName);
  if (key !== null) headers.set("Authorization", `Bearer ${key}`);
  let response: Response;
  try {
    response = await fetch(path, { ...init, headers, cache: "no-store", credentials: "omit" });
  } catch (cause) {
    throw new ApiError("Olla does not answer", { status: 0, cause });
  }
  if (!response.ok) throw new ApiError(await readMessage(response), { status: response.status });
  return response;
}

export async function askJson<Body>(path: string, init?: RequestInit): Promise<Body> {
  const response = await ask(path, init);
  return (await response.json()) as Body;
}

export async function act<Body>(path: string): Promise<Body> {
  return await askJson<Body>(path, { method: "POST" });
}

async function readMessage(response: Response): Promise<string> {
  try {
    const body = (await response.json()) as { error?: { message?: unknown } };
    if (typeof body.error?.message === "string") return body.error.message;
  } catch {
    // Something on the way answered in its own words, which nobody here can read.
  }
  return `Olla, or something in front of it, answered with status ${response.status}`;
}

export function describeError(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
