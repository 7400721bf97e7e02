import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from "zod-openapi";
import packageFile from "../package.json" with { type: "json" };
import { type ErrorCode, errorTable } from "../src/errors.ts";
import { errorBodies } from "../src/server/api/about-answers.ts";
import { type Access, apiGroups, type Operation, type ProxiedPath } from "../src/server/api/operation.ts";
import { operations } from "../src/server/api/operations.ts";
import { proxiedPaths } from "../src/server/api/proxied-paths.ts";
import { dialectOf } from "../src/server/dialect-of.ts";

const target = new URL("../docs/openapi.json", import.meta.url);
const page = new URL("../docs/admin-api.md", import.meta.url);
const mark = "<!-- Written by scripts/generate-openapi.ts";
const proxiedGroup = "Proxied";
const methodsSentOn = ["get", "post", "put", "patch", "delete"] as const;

const errorsOfAccess: Readonly<Record<Access, readonly ErrorCode[]>> = {
  open: [],
  reader: ["unauthorized", "rate_limited"],
  admin: ["unauthorized", "forbidden", "rate_limited"],
  client: ["unauthorized", "key_expired", "rate_limited"],
};

/** An empty one: nothing, where no key is configured. */
const security: Readonly<Record<Access, Record<string, string[]>[]>> = {
  open: [{}],
  reader: [{}, { adminKey: [] }],
  admin: [{}, { adminKey: [] }],
  client: [{}, { clientKey: [] }],
};

/** The text of docs/openapi.json. A test compares it with the file in the repository. */
export function renderApiDocument(): string {
  const document = createDocument(
    {
      openapi: "3.1.0",
      info: {
        title: "Olla",
        version: packageFile.version,
        summary: packageFile.description,
        description:
          "What Olla answers by itself: how it is, what it did, what operators can do, which models there are. Answers may get new members; none is taken away without a new major version.",
        license: { name: packageFile.license, identifier: packageFile.license },
      },
      servers: [
        { url: "http://localhost:40114", description: "The default of `server.host` and `server.port`" },
      ],
      tags: [
        ...Object.entries(apiGroups).map(([name, description]) => ({ name, description })),
        { name: proxiedGroup, description: "Sent on to endpoints; the answers are theirs." },
      ],
      components: {
        securitySchemes: {
          adminKey: { type: "http", scheme: "bearer", description: "`server.admin.key`, where there is one" },
          clientKey: {
            type: "http",
            scheme: "bearer",
            description: "One of `auth.keys`, where there are any",
          },
        },
      },
      paths: collectPaths(),
    },
    { override: ({ jsonSchema }) => loosen(jsonSchema as RenderedSchema) },
  );
  return `${JSON.stringify(document, null, 2)}\n`;
}

function collectPaths(): ZodOpenApiPathsObject {
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {};
  for (const operation of operations) {
    paths[operation.path] = { ...paths[operation.path], [operation.method]: describeOperation(operation) };
  }
  for (const proxied of proxiedPaths) {
    const isOpen = proxied.path.endsWith("{path}");
    const methods = isOpen ? methodsSentOn : (["post"] as const);
    paths[proxied.path] = Object.fromEntries(
      methods.map((method) => [method, describeProxied(proxied, method)]),
    );
  }
  return paths;
}

function describeOperation(operation: Operation): ZodOpenApiOperationObject {
  const { answer, pathParameters, query } = operation;
  const content =
    "schema" in answer
      ? { "application/json": { schema: answer.schema } }
      : { [answer.mediaType.split(";", 1)[0] ?? ""]: { schema: { type: "string" as const } } };
  return {
    operationId: operation.id,
    tags: [operation.group],
    summary: operation.summary,
    ...(operation.description !== undefined && { description: operation.description }),
    security: security[operation.access],
    ...((pathParameters !== undefined || query !== undefined) && {
      requestParams: {
        ...(pathParameters !== undefined && { path: pathParameters }),
        ...(query !== undefined && { query }),
      },
    }),
    responses: { "200": { description: answer.description, content }, ...errorAnswers(operation) },
  };
}

/** One answer for each status, which says which codes have it. */
function errorAnswers({ access, errors = [], path }: Operation): Record<string, object> {
  const codes = [...new Set([...errorsOfAccess[access], ...errors])];
  const byStatus = Map.groupBy(codes, (code) => errorTable[code].status);
  const dialect = dialectOf(path.replace(/^\/olla\/\{?[^/]+?\}?(?=\/api\/)/, ""));
  return Object.fromEntries(
    [...byStatus]
      .toSorted(([left], [right]) => left - right)
      .map(([status, names]) => [
        String(status),
        {
          description: names.map((name) => `\`${name}\``).join(", "),
          content: { "application/json": { schema: errorBodies[dialect] } },
        },
      ]),
  );
}

function describeProxied(
  { id, path, summary, description }: ProxiedPath,
  method: string,
): ZodOpenApiOperationObject {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
  return {
    operationId: path.endsWith("{path}") ? `${id}_${method}` : id,
    tags: [proxiedGroup],
    summary,
    description,
    security: security.client,
    parameters: names.map((name) => ({
      name,
      in: "path" as const,
      required: true,
      schema: { type: "string" as const },
    })),
    responses: {
      default: {
        description:
          "The endpoint's answer, whole or as a stream. An error of Olla's own has the header `X-Olla-Error` with its code: docs/troubleshooting.md.",
      },
    },
  };
}

interface RenderedSchema {
  additionalProperties?: unknown;
  format?: string;
  pattern?: string;
  minimum?: number;
  maximum?: number;
}

/** Our tests know every member; who reads the document may not reject one that a later version adds. */
function loosen(schema: RenderedSchema): void {
  if (schema.additionalProperties === false) delete schema.additionalProperties;
  // What JavaScript cannot count says nothing about the member; and the format of a time says it in a word.
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (schema.format === "date-time") delete schema.pattern;
}

const accessInWords: Readonly<Record<Access, string>> = {
  open: "everybody",
  reader: "the admin key, if there is one",
  admin: "the admin key, else this machine",
  client: "a client's key, if there are any",
};

/** The page with the table of all operations at its end. A test compares it with the file in the repository. */
export function renderAdminPage(text: string): string {
  const head = text.slice(0, text.indexOf(mark));
  const notice = text.slice(head.length).split("\n", 1)[0] ?? "";
  const rows = operations.map(
    ({ method, path, summary, access }) =>
      `| \`${method.toUpperCase()} ${path}\` | ${summary} | ${accessInWords[access]} |`,
  );
  return [`${head}${notice}`, "", "| operation | what | who |", "| --- | --- | --- |", ...rows, ""].join(
    "\n",
  );
}

if (import.meta.main) {
  await Bun.write(target, renderApiDocument());
  await Bun.write(page, renderAdminPage(await Bun.file(page).text()));
  console.log(`wrote ${target.pathname} and ${page.pathname}`);
}
