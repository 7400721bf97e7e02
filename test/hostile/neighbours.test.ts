// Two holders of keys on one program: neither learns of the other, nor touches what is the other's.
import { expect, test } from "bun:test";
import { bearer, clientKey, type HostileOlla, otherKey, startHostile } from "./hostile-olla.ts";

function ask({ olla }: HostileOlla, key: string, path: string, body?: unknown, method = "POST") {
  return fetch(olla.url + path, {
    method,
    headers: { ...bearer(key), "X-Olla-Session-ID": "shared" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

const responses = "/olla/proxy/v1/responses";

test("an answer that is kept is found by the key that asked for it, and by no other", async () => {
  await using hostile = await startHostile();
  const made = await ask(hostile, clientKey, responses, { model: "tiny", input: "my secret" });
  expect(made.status).toBe(200);
  const { id, output } = (await made.json()) as { id: string; output: { id: string }[] };
  const foreign = [
    await ask(hostile, otherKey, `${responses}/${id}`, undefined, "GET"),
    await ask(hostile, otherKey, `${responses}/${id}/input_items`, undefined, "GET"),
    await ask(hostile, otherKey, `${responses}/${id}/cancel`),
    await ask(hostile, otherKey, `${responses}/${id}`, undefined, "DELETE"),
  ];
  for (const answer of foreign) {
    expect(answer.status).toBe(404);
    expect(await answer.text()).not.toContain("secret");
  }
  const goingOn = { model: "tiny", input: "and?", previous_response_id: id };
  expect((await ask(hostile, otherKey, responses, goingOn)).status).toBe(400);
  const reference = { model: "tiny", input: [{ type: "item_reference", id: output[0]?.id }] };
  expect((await ask(hostile, otherKey, responses, reference)).status).toBe(400);
  expect((await ask(hostile, clientKey, responses, reference)).status).toBe(200);
  expect((await ask(hostile, clientKey, responses, goingOn)).status).toBe(200);
  expect((await ask(hostile, clientKey, `${responses}/${id}`, undefined, "GET")).status).toBe(200);
});

test("a conversation of the same name is another one for another key", async () => {
  await using hostile = await startHostile({}, {}, { sticky_sessions: { enabled: true } });
  const outcomeFor = async (key: string) => {
    const answer = await ask(hostile, key, "/olla/proxy/v1/chat/completions", {
      model: "tiny",
      messages: [{ role: "user", content: "hello" }],
    });
    await answer.body?.cancel();
    return answer.headers.get("x-olla-sticky-session");
  };
  expect(await outcomeFor(clientKey)).toBe("miss");
  expect(await outcomeFor(clientKey)).toBe("hit");
  expect(await outcomeFor(otherKey)).toBe("miss");
  expect(await outcomeFor(otherKey)).toBe("hit");
});
