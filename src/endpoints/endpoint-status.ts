export const endpointStatuses = [
  "healthy",
  "busy",
  "warming",
  "offline",
  "unhealthy",
  "unknown",
  "config_error",
  "rate_limited",
] as const;
export type EndpointStatus = (typeof endpointStatuses)[number];

const routingWeights: Readonly<Record<EndpointStatus, number>> = {
  healthy: 1,
  busy: 0.3,
  warming: 0.1,
  offline: 0,
  unhealthy: 0,
  unknown: 0,
  config_error: 0,
  rate_limited: 0,
};

/** Share of traffic inside a priority tier; 0 means that nothing is sent there. */
export function routingWeight(status: EndpointStatus): number {
  return routingWeights[status];
}

export function isRoutable(status: EndpointStatus): boolean {
  return routingWeights[status] > 0;
}

/** Whether requests may be sent there now: it is well enough, and no operator has taken it out. */
export function takesRequests({
  health,
  isDraining,
}: {
  readonly health: { readonly status: EndpointStatus };
  readonly isDraining?: boolean | undefined;
}): boolean {
  return isDraining !== true && isRoutable(health.status);
}
