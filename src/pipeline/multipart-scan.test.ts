import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { readBoundary, scanMultipart } from "./multipart-scan.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The parts of the text, each with its headers, written with CRLF. */
function formOf(boundary: string, parts: readonly (readonly [headers: string, content: string])[]): string {
  const written = parts.map(([headers, content]) => `--${boundary}\r\n${headers}\r\n\r\n${content}\r\n`);
  return `${written.join("")}--${boundary}--\r\n`;
}

const field = (name: string, content: string) =>
  [`Content-Disposition: form-data; name="${name}"`, content] as const;
const file = (content: string) =>
  [
    'Content-Disposition: form-data; name="file"; filename="a.wav"\r\nContent-Type: audio/wav',
    content,
  ] as const;

function modelIn(body: string, boundary = "b"): string | undefined {
  const bytes = encoder.encode(body);
  const found = scanMultipart(bytes, boundary).model;
  // Whatever is found, the range must hold it.
  if (found !== undefined) expect(decoder.decode(bytes.subarray(found.start, found.end))).toBe(found.value);
  return found?.value;
}

describe("the boundary", () => {
  test.each([
    ["multipart/form-data; boundary=abc", "abc"],
    ['multipart/form-data; boundary="a b;c"', "a b;c"],
    ['Multipart/Form-Data;charset=utf-8 ; Boundary = "a\\"b"', 'a"b'],
    [
      "multipart/form-data; boundary=----WebKitFormBoundary7MA4=YWx; charset=utf-8",
      "----WebKitFormBoundary7MA4=YWx",
    ],
    ["multipart/form-data", undefined],
    ["multipart/form-data; boundary=", undefined],
    ['multipart/form-data; boundary=""', undefined],
    ["multipart/mixed; boundary=abc", undefined],
    ["application/json; boundary=abc", undefined],
    [`multipart/form-data; boundary=${"x".repeat(300)}`, undefined],
    ["", undefined],
  ])("in %p is %p", (contentType, boundary) => {
    expect(readBoundary(contentType)).toBe(boundary);
  });
});

describe("the model", () => {
  test("is found at any place", () => {
    for (const parts of [
      [field("model", "whisper-1"), file("data"), field("language", "en")],
      [file("data"), field("model", "whisper-1"), field("language", "en")],
      [file("data"), field("language", "en"), field("model", "whisper-1")],
    ]) {
      expect(modelIn(formOf("b", parts))).toBe("whisper-1");
    }
  });

  test("of repeated fields is the last", () => {
    expect(modelIn(formOf("b", [field("model", "first"), field("model", "last")]))).toBe("last");
  });

  test.each([
    "content-disposition:form-data;name=model",
    'CONTENT-DISPOSITION: form-data; NAME="model"',
    'Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; name="model"\r\nX-More: 1',
    'Content-Disposition: form-data;\r\n name="model"',
    'Content-Disposition: form-data; x="; name=other"; name="model"',
    'Content-Disposition: form-data; name="model"\r\nContent-Transfer-Encoding: 8bit',
  ])("is the field under the headers %p", (headers) => {
    expect(modelIn(formOf("b", [[headers, "org/name:q4"]]))).toBe("org/name:q4");
  });

  test.each([
    'Content-Disposition: form-data; name="model"; filename="model"',
    "Content-Disposition: form-data; name=model; filename*=utf-8''model",
    'Content-Disposition: form-data; filename="name=model"',
    'Content-Disposition: form-data; name="models"',
    'Content-Disposition: form-data; name="Model"',
    'Content-Disposition: form-data; xname="model"',
    'Content-Disposition: attachment; name="model"',
    'Content-Type: text/plain; name="model"',
    'Content-Disposition: form-data; name="model"\r\nContent-Transfer-Encoding: base64',
  ])("is not what comes under the headers %p", (headers) => {
    expect(modelIn(formOf("b", [[headers, "org/name"]]))).toBeUndefined();
  });

  test("is found behind a preamble, with blanks behind the delimiters, and without a last line end", () => {
    const form = formOf("b", [file("data"), field("model", "m")]).replaceAll("--b\r\n", "--b \t\r\n");
    expect(modelIn(`\r\n${form}`)).toBe("m");
    expect(modelIn(`This is a form.\r\n\r\n${form}`)).toBe("m");
    expect(modelIn(form.trimEnd())).toBe("m");
  });

  test("is found in a form whose lines end in a line feed only", () => {
    const form = formOf("b", [file("line\nline"), field("model", "m"), field("language", "en")]);
    expect(modelIn(form.replaceAll("\r\n", "\n"))).toBe("m");
  });

  test("is not mistaken by contents that look like delimiters", () => {
    const lures = [
      "--b\r\n",
      'x--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nlure',
      '\r\n--bb\r\nContent-Disposition: form-data; name="model"\r\n\r\nlure\r\n--bb--',
      '\r\n--b-\r\nContent-Disposition: form-data; name="model"\r\n\r\nlure',
      '\n--b\nContent-Disposition: form-data; name="model"\n\nlure\n--b--\n',
      "\r\n-b\r\n\r\r\n--\r\n",
    ];
    for (const lure of lures) {
      expect(modelIn(formOf("b", [field("model", "m"), file(lure), field("prompt", lure)]))).toBe("m");
      expect(modelIn(formOf("b", [file(lure), field("model", "m")]))).toBe("m");
    }
  });

  test("may hold what UTF-8 can, and not what it cannot", () => {
    expect(modelIn(formOf("b", [field("model", "modèle-ü")]))).toBe("modèle-ü");
    const broken = Buffer.from(formOf("b", [field("model", "m\xff")]), "latin1");
    expect(scanMultipart(broken, "b").model).toBeUndefined();
  });

  test("is nothing in what is cut off or no form at all", () => {
    const form = formOf("b", [field("model", "m"), file("data")]);
    const end = form.indexOf("\r\n--b\r\n", 10) + "\r\n--b\r\n".length;
    for (let length = 0; length < end; length++) {
      // Of a delimiter, the beginning says as little as nothing; "--b" alone may go on.
      expect([length, modelIn(form.slice(0, length))]).toEqual([length, undefined]);
    }
    for (let length = end; length <= form.length; length++) expect(modelIn(form.slice(0, length))).toBe("m");
    for (const body of ["", "--b", "--b--", "--b\r\n\r\n", '{"model":"m"}', "--b\r\n--b\r\n--b--"]) {
      expect(modelIn(body)).toBeUndefined();
    }
  });

  test("is not taken when nobody would call a model so", () => {
    expect(modelIn(formOf("b", [field("model", "x".repeat(20_000))]))).toBeUndefined();
  });

  test("is read within the bounds of a view into a larger buffer", () => {
    const form = formOf("b", [field("model", "m")]);
    const view = encoder.encode(`xx${form}--b\r\n`).subarray(2, 2 + form.length);
    const found = scanMultipart(view, "b").model;
    expect(found).toMatchObject({ value: "m", encoding: "text", isTopLevel: true });
    expect(decoder.decode(view.subarray(found?.start, found?.end))).toBe("m");
  });
});

test.each([
  ["true", true],
  ["True", true],
  ["false", false],
  ["", false],
  ["1 true", false],
])("stream=%p means %p", (content, wantsStream) => {
  const bytes = encoder.encode(formOf("b", [file("data"), field("stream", content)]));
  expect(scanMultipart(bytes, "b").wantsStream).toBe(wantsStream);
});

test("says that it is no JSON object", () => {
  const scan = scanMultipart(encoder.encode(formOf("b", [field("messages", "[]")])), "b");
  expect(scan).toMatchObject({ isObject: false, isComplete: false, hasMessages: false });
});

describe("against the runtime's own parser", () => {
  const awkward = fc.constantFrom(
    "\r\n",
    "\n",
    "\r",
    "--",
    "-",
    "--b",
    "\r\n--b",
    "\r\n--bx",
    "b",
    ":",
    '"',
    "\u0000",
    "é",
  );
  const content = fc.oneof(
    fc.string({ maxLength: 40 }),
    fc.array(awkward, { maxLength: 8 }).map((pieces) => pieces.join("")),
  );
  const part = fc.record({
    name: fc.constantFrom("model", "models", "file", "stream", "prompt"),
    content,
    isFile: fc.boolean(),
    extra: fc.constantFrom("", "Content-Type: text/plain\r\n", "X-Part: 1\r\n"),
    extraIsFirst: fc.boolean(),
  });

  test("any form has the same model and stream", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 6 }), fc.boolean(), async (parts, hasPreamble) => {
        // A content that holds the delimiter itself is no valid one.
        fc.pre(parts.every((each) => !/\r\n--b(?:--|[ \t]*\r?\n|$)/.test(`\r\n${each.content}\r\n`)));
        const form = formOf(
          "b",
          parts.map((each) => {
            const disposition = `Content-Disposition: form-data; name="${each.name}"${each.isFile ? '; filename="f"' : ""}\r\n`;
            const headers = each.extraIsFirst ? each.extra + disposition : disposition + each.extra;
            return [headers.slice(0, -2), each.content] as const;
          }),
        );
        const written = (name: string) =>
          parts.findLast((each) => each.name === name && !each.isFile)?.content.toWellFormed();
        const scan = scanMultipart(encoder.encode(hasPreamble ? `\r\n${form}` : form), "b");
        expect(scan.model?.value).toBe(written("model"));
        expect(scan.wantsStream).toBe(written("stream")?.trim().toLowerCase() === "true");

        // The runtime takes the delimiter for one in the middle of a line, too.
        if (parts.some((each) => each.content.includes("--b"))) return;
        const headers = { "content-type": "multipart/form-data; boundary=b" };
        const reference = await new Response(form, { headers }).formData();
        const texts = reference.getAll("model").filter((value) => typeof value === "string");
        expect(scan.model?.value).toBe(texts.at(-1));
      }),
      { numRuns: 1500 },
    );
  });

  test("a form that the runtime writes is read, too", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(part, { maxLength: 5 }),
        fc.string({ minLength: 1, maxLength: 30 }),
        async (parts, name) => {
          const form = new FormData();
          for (const each of parts) {
            if (each.isFile) form.append(each.name, new File([each.content], "f"));
            else if (each.name !== "model") form.append(each.name, each.content);
          }
          form.append("model", name);
          form.append("file", new File(["end"], "f"));
          const response = new Response(form);
          const boundary = readBoundary(response.headers.get("content-type") ?? "") ?? "";
          const reference = await response.clone().formData();
          const scan = scanMultipart(new Uint8Array(await response.arrayBuffer()), boundary);
          expect(scan.model?.value).toBe(
            reference
              .getAll("model")
              .filter((each) => typeof each === "string")
              .at(-1),
          );
        },
      ),
      { numRuns: 500 },
    );
  });

  test("whatever the bytes are, nothing is thrown, and what is found is where it says", () => {
    const pieces = fc.array(
      fc.oneof(
        awkward,
        fc.constantFrom(
          "--b\r\n",
          "\r\n--b--",
          "Content-Disposition: form-data; name=model",
          "\r\n\r\n",
          "model",
        ),
      ),
      { maxLength: 20 },
    );
    fc.assert(
      fc.property(pieces, (body) => void modelIn(body.join(""))),
      { numRuns: 3000 },
    );
  });
});

test("fifty megabytes before the model cost a search, not a walk", () => {
  const head = encoder.encode(`--b\r\n${file("")[0]}\r\n\r\n`);
  const tail = encoder.encode(`\r\n${formOf("b", [field("model", "m")])}`);
  // Line ends and dashes everywhere: each could begin a delimiter.
  const filler = Buffer.alloc(50 * 1024 * 1024, "\r\n--\r\n--a");
  const bytes = Buffer.concat([head, filler, tail]);
  const startedAt = performance.now();
  expect(scanMultipart(bytes, "b").model?.value).toBe("m");
  // A loop in JavaScript over each byte takes many times as long.
  expect(performance.now() - startedAt).toBeLessThan(1_000);
});
