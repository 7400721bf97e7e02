/**
 * Number n brings a file of version n to version n+1. What stands here is never changed, only added to.
 *
 * Version 2: requests of one transaction that went alike (same client, model, endpoint, ending…) share a row of `kinds`,
 * so that a request of its own has little but numbers. `requests` and `traces` are what people and programs read.
 */
export const migrations: readonly (readonly string[])[] = [
  [
    `CREATE TABLE requests (seq INTEGER PRIMARY KEY, "time" INTEGER, "id" TEXT, "method" TEXT, "path" TEXT, "route" TEXT,
      "dialect" TEXT, "stream" INTEGER, "key" TEXT, "client" TEXT, "alias" TEXT, "model" TEXT, "endpoint" TEXT,
      "backend_type" TEXT, "tier" TEXT, "status" INTEGER, "ending" TEXT, "error_code" TEXT, "error" TEXT,
      "attempts" INTEGER, "failed" TEXT, "queue_ms" REAL, "ttft_ms" REAL, "duration_ms" REAL, "input_tokens" INTEGER,
      "output_tokens" INTEGER, "cached_tokens" INTEGER, "tokens_per_sec" REAL, "request_bytes" INTEGER,
      "response_bytes" INTEGER, "sticky" TEXT, "mode" TEXT)`,
    "CREATE TABLE traces (seq INTEGER PRIMARY KEY, trace TEXT NOT NULL)",
  ],
  [
    // `kind` is the seq of the first request of the transaction that is of it.
    `CREATE TABLE kinds (kind INTEGER PRIMARY KEY, "method" TEXT, "path" TEXT, "route" TEXT, "dialect" TEXT,
      "stream" INTEGER, "key" TEXT, "client" TEXT, "alias" TEXT, "model" TEXT, "endpoint" TEXT, "backend_type" TEXT,
      "tier" TEXT, "status" INTEGER, "ending" TEXT, "error_code" TEXT, "error" TEXT, "attempts" INTEGER, "failed" TEXT,
      "sticky" TEXT, "mode" TEXT, "strategy" TEXT, "action" TEXT, "reason" TEXT, "candidates" TEXT,
      "attempt_endpoint" TEXT, "attempt_model" TEXT, "attempt_status" INTEGER, "attempt_error" TEXT,
      "attempt_message" TEXT)`,
    // Times and rates in tenths: whole numbers take the fewest bytes.
    `CREATE TABLE entries (seq INTEGER PRIMARY KEY, "kind" INTEGER NOT NULL, "time" INTEGER, "id" TEXT,
      "queue_tenths" INTEGER, "ttft_tenths" INTEGER, "duration_tenths" INTEGER, "input_tokens" INTEGER,
      "output_tokens" INTEGER, "cached_tokens" INTEGER, "tokens_per_sec_tenths" INTEGER, "request_bytes" INTEGER,
      "response_bytes" INTEGER, "body_tenths" INTEGER, "inspected_tenths" INTEGER, "routed_tenths" INTEGER,
      "head_tenths" INTEGER, "attempt_started_tenths" INTEGER, "attempt_duration_tenths" INTEGER,
      "attempt_queued_tenths" INTEGER, "attempt_span" TEXT)`,
    `INSERT INTO kinds (kind, "method", "path", "route", "dialect", "stream", "key", "client", "alias", "model",
      "endpoint", "backend_type", "tier", "status", "ending", "error_code", "error", "attempts", "failed", "sticky",
      "mode")
      SELECT seq, "method", "path", "route", "dialect", "stream", "key", "client", "alias", "model", "endpoint",
      "backend_type", "tier", "status", "ending", "error_code", "error", "attempts", "failed", "sticky", "mode"
      FROM requests`,
    `INSERT INTO entries (seq, "kind", "time", "id", "queue_tenths", "ttft_tenths", "duration_tenths", "input_tokens",
      "output_tokens", "cached_tokens", "tokens_per_sec_tenths", "request_bytes", "response_bytes")
      SELECT seq, seq, "time", "id", round("queue_ms" * 10), round("ttft_ms" * 10), round("duration_ms" * 10),
      "input_tokens", "output_tokens", "cached_tokens", round("tokens_per_sec" * 10), "request_bytes", "response_bytes"
      FROM requests`,
    "DROP TABLE requests",
    // Whole, of requests whose trace has more than the columns can say: several attempts, endpoints that were held back.
    "ALTER TABLE traces RENAME TO trace_texts",
    // CROSS JOIN: rows are looked up from the left to the right, whatever SQLite may think of it.
    `CREATE VIEW requests AS SELECT seq, "time", "id", "method", "path", "route", "dialect", "stream", "key", "client",
      "alias", "model", "endpoint", "backend_type", "tier", "status", "ending", "error_code", "error", "attempts",
      "failed", "queue_tenths" / 10.0 AS "queue_ms", "ttft_tenths" / 10.0 AS "ttft_ms",
      "duration_tenths" / 10.0 AS "duration_ms", "input_tokens", "output_tokens", "cached_tokens",
      "tokens_per_sec_tenths" / 10.0 AS "tokens_per_sec", "request_bytes", "response_bytes", "sticky", "mode"
      FROM entries CROSS JOIN kinds USING (kind)`,
    // A patch of nothing leaves out what is null, as JSON does with what is not there.
    `CREATE VIEW traces AS SELECT entries.seq AS seq, coalesce(trace_texts.trace, json_patch('{}', json_object(
        'strategy', "strategy", 'action', "action", 'reason', "reason", 'sticky', "sticky",
        'candidates', json("candidates"), 'held_back', json('[]'),
        'attempts', CASE "attempts" WHEN 0 THEN json('[]') ELSE json_array(json_patch('{}', json_object(
          'endpoint', "attempt_endpoint", 'model', "attempt_model",
          'durationMs', "attempt_duration_tenths" / 10.0, 'status', "attempt_status", 'error', "attempt_error",
          'startedMs', "attempt_started_tenths" / 10.0, 'queuedMs', "attempt_queued_tenths" / 10.0,
          'message', "attempt_message", 'spanId', "attempt_span"))) END,
        'timings', json_object('queue_ms', "queue_tenths" / 10.0, 'duration_ms', "duration_tenths" / 10.0,
          'body_ms', "body_tenths" / 10.0, 'inspected_ms', "inspected_tenths" / 10.0,
          'routed_ms', "routed_tenths" / 10.0, 'head_ms', "head_tenths" / 10.0, 'ttft_ms', "ttft_tenths" / 10.0)
      ))) AS trace
      FROM entries CROSS JOIN kinds USING (kind) LEFT JOIN trace_texts ON trace_texts.seq = entries.seq`,
  ],
];
