import { describe, expect, test } from "bun:test";
import type { ChatMessage, ContentPart, ToolCallPart } from "../chat-request.ts";
import { arrangeMessages } from "./arrange-messages.ts";

const arrange = (...messages: ChatMessage[]) => arrangeMessages(messages, ({ kind }) => kind === "text");

const text = (said: string) => ({ kind: "text", text: said }) as const;
const image = { kind: "image", source: { kind: "url", url: "http://host/a.png" } } as const;
const sound = { kind: "audio", base64: "AA==", format: "wav" } as const;

const system = (said: string): ChatMessage => ({ role: "system", text: said });
const user = (...parts: ContentPart[]): ChatMessage => ({ role: "user", parts });
const answer = (said: string): ChatMessage => ({ role: "assistant", parts: [text(said)] });
const calls = (...ids: string[]): ChatMessage => ({
  role: "assistant",
  parts: ids.map((id): ToolCallPart => ({ kind: "tool-call", id, name: "look", argumentsJson: "{}" })),
});
const result = (callId: string, ...parts: ContentPart[]): ChatMessage => ({
  role: "tool",
  callId,
  parts,
  isError: false,
});
const note = (said: string) => text(`<system>\n${said}\n</system>\n\n`);

describe("instructions", () => {
  test("given before the first answer become one system message, wherever they stand", () => {
    const messages = arrange(
      system("One."),
      user(text("hi")),
      system("Two."),
      user(text("go")),
      answer("ok"),
    );
    expect(messages).toEqual([
      system("One.\n\nTwo."),
      user(text("hi"), text("\n\n"), text("go")),
      answer("ok"),
    ]);
  });

  test("given behind the only user's message come first", () => {
    expect(arrange(user(text("hi")), system("One."))).toEqual([system("One."), user(text("hi"))]);
  });

  test("given later are told at the beginning of the next user's message", () => {
    const messages = arrange(user(text("hi")), answer("ok"), system("Hurry."), user(text("go")));
    expect(messages).toEqual([user(text("hi")), answer("ok"), user(note("Hurry."), text("go"))]);
  });

  test("behind which no user speaks end the user's message before them, or are one of their own", () => {
    const messages = arrange(
      answer("a"),
      user(text("b")),
      system("c"),
      answer("d"),
      system("e"),
      system("f"),
    );
    expect(messages).toEqual([
      answer("a"),
      user(text("b"), text("\n\n"), note("c")),
      answer("d"),
      user(note("e"), note("f")),
    ]);
  });

  test("do not come between calls and their results", () => {
    const messages = arrange(calls("a", "b"), result("a", text("1")), system("c"), result("b", text("2")));
    expect(messages).toEqual([
      calls("a", "b"),
      result("a", text("1")),
      result("b", text("2")),
      user(note("c")),
    ]);
  });
});

describe("results of tools", () => {
  test("follow in the order of their calls", () => {
    const messages = arrange(calls("a", "b"), result("b", text("2")), result("a", text("1")), answer("ok"));
    expect(messages).toEqual([calls("a", "b"), result("a", text("1")), result("b", text("2")), answer("ok")]);
  });

  test("come before what a user said meanwhile", () => {
    const messages = arrange(calls("a"), user(text("wait")), result("a", text("1")));
    expect(messages).toEqual([calls("a"), result("a", text("1")), user(text("wait"))]);
  });

  test("without a call stay, behind the others", () => {
    const messages = arrange(calls("a"), result("x", text("?")), result("a", text("1")), result("y"));
    expect(messages).toEqual([calls("a"), result("a", text("1")), result("x", text("?")), result("y")]);
    expect(arrange(result("x"), user(text("hi")))).toEqual([result("x"), user(text("hi"))]);
  });

  test("of an earlier answer do not go to a later one", () => {
    const conversation = [calls("a"), result("a", text("1")), calls("a"), result("a", text("2"))];
    expect(arrange(...conversation)).toEqual(conversation);
  });
});

describe("what a tool message can't carry", () => {
  test("is shown by the user who speaks next", () => {
    const messages = arrange(calls("a"), result("a", text("1"), image), user(text("and?")));
    expect(messages).toEqual([calls("a"), result("a", text("1")), user(image, text("and?"))]);
  });

  test("is shown by a user's message of its own where none follows, in the order of the calls", () => {
    const messages = arrange(calls("a", "b"), result("b", sound), result("a", image), answer("ok"));
    expect(messages).toEqual([
      calls("a", "b"),
      result("a", text("The image follows.")),
      result("b", text("The file follows.")),
      user(image, sound),
      answer("ok"),
    ]);
  });

  test("is pointed at where the tool said nothing else", () => {
    expect(arrange(calls("a"), result("a", image, image))[1]).toEqual(
      result("a", text("The images follow.")),
    );
    expect(arrange(calls("a"), result("a", image, sound))[1]).toEqual(result("a", text("The files follow.")));
    expect(arrange(calls("a"), result("a"))[1]).toEqual(result("a"));
  });
});

test("a conversation that goes on keeps its beginning, for the endpoint's prompt cache", () => {
  const conversation = [
    user(text("hi")),
    system("One."),
    calls("a", "b"),
    result("b", image),
    result("a", text("1")),
    system("Two."),
    calls("c"),
    result("c", text("2")),
    user(text("go")),
    system("Three."),
    answer("ok"),
    user(text("bye")),
  ];
  const requests = conversation.flatMap(({ role }, index) => (role === "assistant" ? [index] : []));
  const whole = arrange(...conversation);
  for (const length of requests) {
    const asked = arrange(...conversation.slice(0, length));
    expect(whole.slice(0, asked.length)).toEqual([...asked]);
  }
});

describe("messages of the user in a row", () => {
  test("are one, with their texts a blank line apart: Gemma's template and Mistral's take no two", () => {
    expect(arrange(user(text("a")), user(text("b"), image), user(text("c")), answer("ok"))).toEqual([
      user(text("a"), text("\n\n"), text("b"), image, text("c")),
      answer("ok"),
    ]);
  });

  test("stay the beginning of the same conversation with one more", () => {
    const [first] = arrange(user(text("a")), user(text("b")));
    const [longer] = arrange(user(text("a")), user(text("b")), user(text("c")));
    const parts = first?.role === "user" ? first.parts : [];
    expect(longer).toEqual(user(...parts, text("\n\n"), text("c")));
  });

  test("are two with a result of a tool between them", () => {
    const messages = [user(text("a")), calls("1"), result("1", text("ok")), user(text("b"))];
    expect(arrange(...messages)).toEqual(messages);
  });
});
