import { z } from "zod";

/** How times, shares and amounts are written in answers, each in one form everywhere. */

export const moment = z.iso.datetime().meta({ description: "RFC 3339, UTC" });
export const percent = z
  .string()
  .regex(/^\d{1,3}(\.\d)?%$/)
  .meta({ examples: ["98.5%"] });
export const percentOrNone = z.union([percent, z.literal("N/A")]);
export const latency = z
  .string()
  .regex(/^(\d+ms|\d+\.\ds)$/)
  .meta({ examples: ["250ms", "1.5s"] });
export const bytesText = z
  .string()
  .regex(/^\d+(\.\d\d)? [KMGTP]?B$/)
  .meta({ examples: ["4.20 MB"] });
export const ago = z
  .string()
  .regex(/^(\d+[smhd] ago|never)$/)
  .meta({ examples: ["3m ago", "never"] });
export const span = z
  .string()
  .regex(/^\d+[smhd]$/)
  .meta({ examples: ["12s"] });
export const uptime = z
  .string()
  .regex(/^(\d+s|\d+h \d+m|\d+d \d+h)$/)
  .meta({ examples: ["3d 4h"] });

export const count = z.int().nonnegative();
export const milliseconds = z.number().nonnegative().meta({ description: "Milliseconds" });
/** 0 to 100. */
export const share = z.number().min(0).max(100);
