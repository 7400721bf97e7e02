import { act, describeError } from "./api.ts";
import { confirmFirst } from "./confirmation.tsx";
import { notify } from "./notices.tsx";
import type { Reload } from "./wire.ts";

interface EndpointState {
  readonly endpoint: string;
  readonly draining: boolean;
  readonly connections: number;
  readonly queued: number;
  readonly status: string;
}

function endpointPath(name: string, action: string): string {
  return `/internal/endpoints/${encodeURIComponent(name)}/${action}`;
}

/** Tells how it went, whichever way. */
async function tell(doing: Promise<string>): Promise<void> {
  try {
    notify(await doing);
  } catch (error) {
    notify(describeError(error), true);
  }
}

function running(count: number): string {
  if (count === 0) return "nothing runs there";
  return count === 1 ? "1 request runs there and goes on" : `${count} requests run there and go on`;
}

export function drain(name: string, connections: number): void {
  confirmFirst({
    title: `Drain ${name}?`,
    text: `It gets nothing new until it is enabled again, or Olla starts anew; ${running(connections)}.`,
    verb: "Drain it",
    onConfirm: () =>
      void tell(
        act<EndpointState>(endpointPath(name, "drain")).then(
          (state) => `${name} is draining: ${running(state.connections)}`,
        ),
      ),
  });
}

export function enable(name: string): void {
  void tell(act<EndpointState>(endpointPath(name, "enable")).then(() => `${name} may be used again`));
}

export async function probe(name: string): Promise<void> {
  await tell(
    act<EndpointState>(endpointPath(name, "probe")).then(
      ({ status }) => `${name} was asked, and is ${status.replaceAll("_", " ")}`,
    ),
  );
}

export async function rediscover(): Promise<void> {
  await tell(
    act<{ endpoints: readonly { name: string; models: number; error?: string }[] }>(
      "/internal/models/refresh",
    ).then(({ endpoints }) => {
      const failed = endpoints.filter(({ error }) => error !== undefined).map(({ name }) => name);
      const found = endpoints.map(({ name, models }) => `${name} has ${models}`).join(", ");
      return failed.length === 0
        ? `Lists were read: ${found}`
        : `Not all lists could be read: ${failed.join(", ")}`;
    }),
  );
}

export async function readConfigAgain(): Promise<void> {
  await tell(
    act<Reload>("/internal/reload").then(({ status }) =>
      // A rejected file is told as an error.
      status === "unchanged" ? "The file says what is in force already" : "Other settings are in force",
    ),
  );
}

export function cancelRequest(id: string, where: string | undefined): void {
  confirmFirst({
    title: "Cancel this request?",
    text: `Its client gets an error${where === undefined ? "" : `, and ${where} stops working for it`}. Id: ${id}`,
    verb: "Cancel the request",
    onConfirm: () =>
      void tell(
        act<{ cancelled: number }>(`/internal/requests/${encodeURIComponent(id)}/cancel`).then(
          ({ cancelled }) =>
            cancelled === 1 ? "The request was cancelled" : `${cancelled} requests were cancelled`,
        ),
      ),
  });
}
