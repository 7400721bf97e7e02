import { expect, test } from "bun:test";
import { redactQuery } from "./redact-query.ts";

test.each([
  ["", ""],
  ["?", ""],
  ["a=b&c", "a=b&c"],
  ["?api_key=s3cret&x=1", "api_key=[REDACTED]&x=1"],
  ["API_KEY=s3cret", "API_KEY=[REDACTED]"],
  ["api-key=s3cret", "api-key=[REDACTED]"],
  ["%74oken=s3cret", "%74oken=[REDACTED]"],
  ["%2574oken=s3cret", "%2574oken=[REDACTED]"],
  ["access%5Ftoken=s3cret", "access%5Ftoken=[REDACTED]"],
  ["token=s3cret=more", "token=[REDACTED]"],
  ["key=s3cret&key=s3cret", "key=[REDACTED]&key=[REDACTED]"],
  ["password=s3cret;secret=s3cret", "password=[REDACTED];secret=[REDACTED]"],
  ["user[token]=s3cret", "user[token]=[REDACTED]"],
  ["+auth=s3cret", "+auth=[REDACTED]"],
  ["token", "token"],
  ["monkey=1&tokens=2&keyboard=3", "monkey=1&tokens=2&keyboard=3"],
  ["%zz=1&%=2", "%zz=1&%=2"],
])("%p is logged as %p", (query, expected) => {
  expect(redactQuery(query)).toBe(expected);
  expect(redactQuery(expected)).toBe(expected);
});
