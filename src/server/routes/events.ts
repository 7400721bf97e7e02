import type { Handler } from "hono";
import { Feed } from "../../dashboard/feed.ts";
import { OllaError } from "../../errors.ts";
import { historySeconds } from "../../observe/live-rates.ts";
import type { Arrival } from "../arrival.ts";
import type { FeedRecords, ServerDependencies } from "../dependencies.ts";
import type { DirectEnv } from "../direct-env.ts";
import { formatTime } from "../format-text.ts";
import type { AdminGuard } from "../guard/admin-guard.ts";
import { renderLiveRequest } from "./live-requests.ts";
import { renderStatus } from "./status.ts";
import { renderEndpointStatus } from "./status-endpoints.ts";

/** What is told of requests under way in one tick. The whole list is at `/internal/live`. */
const mostLive = 200;

/** The live feed over what this Olla knows. One for both ports. */
export function createFeed(deps: ServerDependencies, records: FeedRecords): Feed {
  const { clock, settings, live } = deps;
  const { rates, ended } = records;
  const state = () => {
    const { system, security, config } = renderStatus(deps) as Record<
      "system" | "security" | "config",
      object
    >;
    const { endpoints } = renderEndpointStatus(deps) as { endpoints: object };
    return { time: formatTime(clock.wallTime()), system, security, config, endpoints };
  };
  return new Feed({
    clock,
    content: {
      hello: (isAdmin) => ({
        version: settings.version,
        started_at: formatTime(settings.startedAt),
        can_act: isAdmin,
        can_see_requests: isAdmin,
        ...state(),
        in_flight: live?.size ?? 0,
        ...(isAdmin && { live: renderSome(deps) }),
        history: rates.history(historySeconds, live?.all()),
      }),
      // Two seconds, because a tick may come late: the page knows which ones it has.
      tick: () => ({ ...state(), in_flight: live?.size ?? 0, rates: rates.history(2, live?.all()) }),
      details: () => ({ live: renderSome(deps), ended: ended.take() }),
      wantDetails: (areWanted) => ended.want(areWanted),
    },
  });
}

function renderSome({ live, clock }: ServerDependencies): object[] {
  const requests = live?.all().slice(0, mostLive) ?? [];
  return requests.map((request) => renderLiveRequest(request, clock));
}

/** `GET /internal/events`: server-sent events, about single requests only for those who may act on them. */
export function events(feed: Feed, admin: AdminGuard): Handler<DirectEnv> {
  return (c) => {
    const isAdmin = mayAct(admin, c.env);
    if (c.env.request.method === "HEAD") return new Response(null, { headers: streamHeaders });
    const stream = feed.listen(isAdmin);
    if (stream === undefined) {
      throw new OllaError(
        "queue_full",
        "Too many pages listen to this Olla already: close some, or read /internal/status instead",
        { retryAfterSeconds: 5 },
      );
    }
    return new Response(stream, { headers: streamHeaders });
  };
}

const streamHeaders = {
  "Content-Type": "text/event-stream",
  "Cache-Control": "no-store",
  // Proxies in front would collect events until they have enough of them.
  "X-Accel-Buffering": "no",
  "X-Content-Type-Options": "nosniff",
};

function mayAct(admin: AdminGuard, arrival: Arrival): boolean {
  try {
    admin.requireAdmin(arrival);
    return true;
  } catch (error) {
    if (error instanceof OllaError) return false;
    throw error;
  }
}
