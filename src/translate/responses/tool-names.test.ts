import { expect, test } from "bun:test";
import { ToolNames } from "./tool-names.ts";

const plain = (name: string) => ({ name, namespace: undefined });

test("a plain name stays as it is", () => {
  expect(new ToolNames().add(plain("get_weather"))).toBe("get_weather");
});

test("the name of a group comes before its tools', with two lines between them", () => {
  const names = new ToolNames();
  expect(names.add({ namespace: "agents", name: "spawn" })).toBe("agents__spawn");
  expect(names.add({ namespace: "mcp__docs__", name: "search" })).toBe("mcp__docs__search");
});

test("no two tools have the same name", () => {
  const names = new ToolNames();
  expect(names.add(plain("my.tool"))).toBe("my_tool");
  expect(names.add(plain("my/tool"))).toBe("my_tool_2");
  expect(names.add(plain("my_tool"))).toBe("my_tool_3");
  expect(names.flatNameOf(plain("my/tool"))).toBe("my_tool_2");
});

test("a tool that is declared again keeps its name", () => {
  const names = new ToolNames();
  names.add(plain("one"));
  expect(names.add(plain("one"))).toBeUndefined();
  expect(names.flatNameOf(plain("one"))).toBe("one");
});

test("long names are cut to what the strictest server takes, and stay different", () => {
  const names = new ToolNames();
  const long = "n".repeat(70);
  const first = names.add(plain(`${long}1`));
  const second = names.add(plain(`${long}2`));
  expect(first).toMatch(/^n{55}_[\da-f]{8}$/);
  expect(second).toMatch(/^n{55}_[\da-f]{8}$/);
  expect(first).not.toBe(second);
});

test("a tool that is no longer declared is called in the conversation as it was then", () => {
  expect(new ToolNames().flatNameOf({ namespace: "agents", name: "spawn" })).toBe("agents__spawn");
});
