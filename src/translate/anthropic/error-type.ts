/**
 * Anthropic's name for an error, by its HTTP status.
 * Source: https://docs.anthropic.com/en/api/errors
 */
export function anthropicErrorType(status: number): string {
  return typesByStatus[status] ?? "api_error";
}

const typesByStatus: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  405: "invalid_request_error",
  408: "timeout_error",
  413: "request_too_large",
  422: "invalid_request_error",
  429: "rate_limit_error",
  504: "timeout_error",
  529: "overloaded_error",
};

/** The status that goes with an error's name; undefined for a name that no status has alone. */
export function statusOfErrorType(type: unknown): number | undefined {
  return typeof type === "string" ? statusesByType[type] : undefined;
}

const statusesByType: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  api_error: 500,
  timeout_error: 504,
  overloaded_error: 529,
};
