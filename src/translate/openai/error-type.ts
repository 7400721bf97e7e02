/** OpenAI's name for an error, by its HTTP status. Source: https://platform.openai.com/docs/guides/error-codes */
export function openaiErrorType(status: number): string {
  if (status === 429) return "rate_limit_error";
  // Asking for what is not there is the client's mistake.
  return status < 500 || status === 501 ? "invalid_request_error" : "server_error";
}
