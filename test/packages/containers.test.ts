// What stands in the Dockerfile and in the examples for containers, held against the program.
import { expect, test } from "bun:test";
import { join, resolve } from "node:path";
import { parse, parseAllDocuments } from "yaml";
import { loadConfig } from "../../src/config/load.ts";
import { parseDuration } from "../../src/lib/duration.ts";

const root = resolve(import.meta.dir, "../..");
const readText = (path: string) => Bun.file(join(root, path)).text();

/** Instructions of the last stage, in which the program runs; `\` at the end of a line goes on in the next. */
async function readImage(): Promise<readonly (readonly [instruction: string, rest: string])[]> {
  const text = (await readText("Dockerfile")).replace(/\\\n\s*/g, "").replace(/^#.*\n/gm, "");
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const last = lines.findLastIndex((line) => line.startsWith("FROM "));
  return lines.slice(last).map((line) => [line.split(" ", 1)[0] ?? "", line.slice(line.indexOf(" ") + 1)]);
}

function valuesOf(image: Awaited<ReturnType<typeof readImage>>, instruction: string): string[] {
  return image.filter(([name]) => name === instruction).map(([, rest]) => rest);
}

async function loadText(text: string, env: Record<string, string> = {}) {
  return await loadConfig({ path: "config.yaml", env, cwd: "/", readFile: async () => text });
}

test("the image runs without rights, says how it is, and stops as Olla is stopped", async () => {
  const image = await readImage();
  const [user = ""] = valuesOf(image, "USER");
  // By number, so that Kubernetes can see that it is not root.
  expect(user).toMatch(/^[1-9]\d*:[1-9]\d*$/);
  expect(valuesOf(image, "STOPSIGNAL")).toEqual(["SIGTERM"]);
  expect(valuesOf(image, "HEALTHCHECK")).toEqual([
    expect.stringContaining('CMD ["/usr/bin/olla", "health"]'),
  ]);
  expect(valuesOf(image, "COPY").join("\n")).toContain(`--chown=${user} /data /data`);
  const { config } = await loadText("");
  expect(valuesOf(image, "EXPOSE")).toEqual([String(config?.server.port)]);
});

test("in the image a configuration for localhost is reached from outside", async () => {
  const image = await readImage();
  const env = Object.fromEntries(valuesOf(image, "ENV").map((pair) => pair.split("=", 2)));
  const { config } = await loadText("server: { host: localhost }", env);
  expect(config?.server.host).toBe("0.0.0.0");
});

test("Docker is sent the executables that the image takes, and nothing else", async () => {
  const ignored = (await readText(".dockerignore")).trim().split("\n");
  expect(ignored[0]).toBe("*");
  const sources = [...(await readText("Dockerfile")).matchAll(/^COPY ([^-]\S*) /gm)].map(
    ([, source]) => `!${source}`,
  );
  expect(ignored.slice(1).sort()).toEqual(sources.sort());
  expect(sources).toContain("!dist/olla-linux-x64");
});

interface Compose {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

interface ComposeService {
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly stop_grace_period?: string;
}

test("the compose example fits its configuration: hosts, volumes, time to stop", async () => {
  const { services, volumes } = parse(await readText("docs/examples/compose.yaml")) as Compose;
  const { config, problems } = await loadText(await readText("docs/examples/olla.yaml"));
  expect(problems).toEqual([]);
  const endpoints = config?.discovery.static.endpoints ?? [];
  expect(endpoints).toHaveLength(2);
  for (const { url } of endpoints) expect(Object.keys(services)).toContain(new URL(url).hostname);

  const olla = services.olla;
  expect(olla).toMatchObject({ read_only: true, cap_drop: ["ALL"] });
  const mounts = olla?.volumes ?? [];
  expect(mounts).toContain("./olla.yaml:/config.yaml:ro");
  // Where everything else is read-only, the request log has to be in a volume.
  const [, folder = "nowhere"] = mounts.find((mount) => mount.startsWith("olla-data:"))?.split(":") ?? [];
  expect(config?.request_log.path).toStartWith(`${folder}/`);
  const grace = parseDuration(olla?.stop_grace_period ?? "") ?? 0;
  expect(grace).toBeGreaterThan(config?.server.shutdown_timeout ?? Number.POSITIVE_INFINITY);
  // For this machine only: nobody is asked for a key.
  const ports = Object.values(services).flatMap((service) => service.ports ?? []);
  for (const port of ports) expect(port).toStartWith("127.0.0.1:");

  const named = Object.values(services)
    .flatMap((service) => service.volumes ?? [])
    .map((mount) => mount.split(":")[0] ?? "")
    .filter((name) => !name.startsWith("."));
  expect(Object.keys(volumes).sort()).toEqual(named.sort());
  const base = services["open-webui"]?.environment?.OPENAI_API_BASE_URL;
  expect(base).toBe(`http://olla:${config?.server.port}/olla/openai/v1`);
});

// As the example has them; what is not looked at is left out.
interface Deployment {
  readonly spec: { readonly template: { readonly spec: PodSpec } };
}

interface PodSpec {
  readonly terminationGracePeriodSeconds: number;
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly containers: readonly {
    readonly args: readonly string[];
    readonly ports: readonly { readonly containerPort: number }[];
    readonly lifecycle: { readonly preStop: { readonly sleep: { readonly seconds: number } } };
    readonly securityContext: Readonly<Record<string, unknown>>;
    readonly volumeMounts: readonly { readonly mountPath: string; readonly subPath?: string }[];
  }[];
}

test("the example for Kubernetes has a configuration that loads, and time for answers to end", async () => {
  const documents = parseAllDocuments(await readText("docs/examples/kubernetes.yaml"));
  expect(documents.flatMap(({ errors }) => errors)).toEqual([]);
  const [map, deployment] = documents.map((document) => document.toJS() as unknown) as [
    { readonly data: Readonly<Record<string, string>> },
    Deployment,
  ];
  const { config, problems } = await loadText(map.data["config.yaml"] ?? "nothing: here");
  expect(problems).toEqual([]);

  const pod = deployment.spec.template.spec;
  const container = pod.containers[0];
  expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 65532 });
  expect(container?.securityContext).toMatchObject({
    readOnlyRootFilesystem: true,
    allowPrivilegeEscalation: false,
    capabilities: { drop: ["ALL"] },
  });
  expect(container?.ports[0]?.containerPort).toBe(config?.server.port ?? 0);
  const [mount] = container?.volumeMounts ?? [];
  expect(container?.args.at(-1)).toBe(`${mount?.mountPath}/config.yaml`);
  expect(mount?.subPath).toBeUndefined();
  const preStop = container?.lifecycle.preStop.sleep.seconds ?? Number.POSITIVE_INFINITY;
  const needed = preStop + (config?.server.shutdown_timeout ?? 0) / 1000;
  expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(needed);
});
