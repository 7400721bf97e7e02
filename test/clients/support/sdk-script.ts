import type { Answer, Refusal } from "./answer.ts";
import type { Turn } from "./turn.ts";

/** What the programs of `programs/` ask for is told by the last thing their user says. */
export function sdkScript(turn: Turn): Answer | Refusal {
  const asked = turn.userTexts.at(-1) ?? "";
  const refused = /^refuse (\d{3})/.exec(asked)?.[1];
  if (refused !== undefined) {
    const headers: Record<string, string> = refused === "429" ? { "Retry-After": "7" } : {};
    return { status: Number(refused), message: `refused with ${refused}`, headers };
  }
  if (asked.startsWith("overflow")) {
    return {
      status: 400,
      message: "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens.",
    };
  }
  if (turn.freshResults.length > 0) {
    return { text: turn.freshResults.map((result) => `${result.callId}: ${result.text}`).join(", ") };
  }
  if (asked.startsWith("weather") && turn.toolNames.includes("get_weather")) {
    const calls = ["Perth", "Zürich"].map((city, index) => ({
      id: `call_${index + 1}`,
      name: "get_weather",
      input: { city },
    }));
    return { text: "Let me look.", calls };
  }
  if (asked.startsWith("think")) return { reasoning: "Hm, hm.", text: "Thought about it." };
  if (asked.startsWith("json")) return { text: '{"city":"Perth","degrees":31}' };
  return { text: `You said: ${asked} — ${turn.system}` };
}
