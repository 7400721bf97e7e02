/**
 * What an answer says about its own cost. Milliseconds may have fractions. What is unknown or nothing is absent.
 */
export interface ProviderMetrics {
  /** As the endpoint names it in its answer. */
  readonly model?: string;
  readonly finish_reason?: string;
  /** All of the prompt, what came out of the endpoint's cache included. */
  readonly input_tokens?: number;
  readonly output_tokens?: number;
  readonly total_tokens?: number;
  /** The part of `input_tokens` that came out of the endpoint's cache. */
  readonly cached_tokens?: number;
  /** The part of `input_tokens` that the endpoint put into its cache, where it says so. */
  readonly cache_creation_tokens?: number;
  /** The part of `output_tokens` that the model thought and did not say. */
  readonly reasoning_tokens?: number;
  /** As the endpoint says, else as measured here. */
  readonly ttft_ms?: number;
  readonly total_ms?: number;
  readonly model_load_ms?: number;
  readonly prompt_ms?: number;
  readonly generation_ms?: number;
  readonly tokens_per_sec?: number;
  readonly is_complete?: boolean;
}
