import { requestQueryParameters } from "../routes/request-query.ts";
import { modelStatisticsParameters } from "../routes/stats-models-query.ts";
import { documentAnswer, healthAnswer, routeListAnswer, versionAnswer } from "./about-answers.ts";
import { modelOperations } from "./model-operations.ts";
import type { Operation } from "./operation.ts";
import {
  configAnswer,
  endpointName,
  endpointStateAnswer,
  refreshAnswer,
  requestId,
} from "./operator-answers.ts";
import { cancelAnswer, liveAnswer, requestAnswer, requestsAnswer } from "./request-answers.ts";
import {
  keyStatisticsAnswer,
  modelStatisticsAnswer,
  stickyStatisticsAnswer,
  translatorStatisticsAnswer,
} from "./statistics-answers.ts";
import {
  endpointsAnswer,
  modelStatusAnswer,
  modelStatusQuery,
  processAnswer,
  statusAnswer,
} from "./status-answers.ts";

const about: readonly Operation[] = [
  {
    id: "listRoutes",
    group: "About",
    method: "get",
    path: "/",
    summary: "Where to go from here",
    access: "open",
    answer: { schema: routeListAnswer, description: "The routes of this port" },
  },
  {
    id: "getVersion",
    group: "About",
    method: "get",
    path: "/version",
    summary: "Which Olla this is",
    access: "open",
    answer: { schema: versionAnswer, description: "Version, build and capabilities" },
  },
  {
    id: "getHealth",
    group: "About",
    method: "get",
    path: "/internal/health",
    summary: "Whether the process answers",
    description: "For load balancers and containers. It says nothing of endpoints, and is at both ports.",
    access: "open",
    answer: { schema: healthAnswer, description: "It answers" },
  },
  {
    id: "getApiDocument",
    group: "About",
    method: "get",
    path: "/internal/openapi.json",
    summary: "This document",
    access: "reader",
    answer: { schema: documentAnswer, description: "OpenAPI 3.1" },
  },
  {
    id: "openDashboard",
    group: "About",
    method: "get",
    path: "/internal/ui/",
    summary: "The dashboard",
    description: "A page that shows what the other routes say. Its files are below this path.",
    access: "open",
    answer: { mediaType: "text/html; charset=utf-8", description: "The page" },
    errors: ["forbidden", "route_not_found"],
  },
];

const status: readonly Operation[] = [
  {
    id: "getStatus",
    group: "Status",
    method: "get",
    path: "/internal/status",
    summary: "The whole system on one page",
    description: "Answers 304 to an `If-None-Match` while only times have changed; so do the other two.",
    access: "reader",
    answer: { schema: statusAnswer, description: "Endpoints, system, security" },
  },
  {
    id: "getEndpoints",
    group: "Status",
    method: "get",
    path: "/internal/status/endpoints",
    summary: "Each endpoint in detail",
    access: "reader",
    answer: { schema: endpointsAnswer, description: "Endpoints in the order of their priority" },
  },
  {
    id: "getModelStatus",
    group: "Status",
    method: "get",
    path: "/internal/status/models",
    summary: "Which models are where",
    access: "reader",
    query: modelStatusQuery,
    answer: { schema: modelStatusAnswer, description: "Models by family, and those seen last" },
  },
  {
    id: "getProcess",
    group: "Status",
    method: "get",
    path: "/internal/process",
    summary: "What the process takes",
    access: "reader",
    answer: { schema: processAnswer, description: "Memory, CPU, event loop, open files" },
  },
  {
    id: "getConfiguration",
    group: "Status",
    method: "get",
    path: "/internal/config",
    summary: "The configuration in force",
    access: "admin",
    answer: { schema: configAnswer, description: "Each key with its value and where that came from" },
  },
  {
    id: "listenToEvents",
    group: "Status",
    method: "get",
    path: "/internal/events",
    summary: "What happens, as it happens",
    description:
      "Server-sent events: `hello` first, then a `tick` every second. About single requests only for those with admin access.",
    access: "reader",
    answer: { mediaType: "text/event-stream", description: "Until the client leaves" },
    errors: ["queue_full"],
  },
];

const requests: readonly Operation[] = [
  {
    id: "listLiveRequests",
    group: "Requests",
    method: "get",
    path: "/internal/live",
    summary: "The requests under way",
    access: "admin",
    answer: { schema: liveAnswer, description: "The oldest first, at most 1000" },
  },
  {
    id: "listRequests",
    group: "Requests",
    method: "get",
    path: "/internal/requests",
    summary: "The requests that have ended",
    access: "admin",
    query: requestQueryParameters(0),
    answer: { schema: requestsAnswer, description: "A page of them" },
    errors: ["invalid_request"],
  },
  {
    id: "getRequest",
    group: "Requests",
    method: "get",
    path: "/internal/requests/{id}",
    summary: "Why a request went where it went",
    access: "admin",
    pathParameters: requestId,
    answer: { schema: requestAnswer, description: "The last one with that id" },
    errors: ["request_not_found"],
  },
  {
    id: "cancelRequest",
    group: "Requests",
    method: "post",
    path: "/internal/requests/{id}/cancel",
    summary: "End the requests under way with this id",
    description: "Their clients are told so in their API's words, and the endpoints stop working for them.",
    access: "admin",
    pathParameters: requestId,
    answer: { schema: cancelAnswer, description: "How many there were" },
    errors: ["request_not_found", "method_not_allowed"],
  },
];

function endpointAction(action: string, summary: string, description: string): Operation {
  return {
    id: `${action}Endpoint`,
    group: "Maintenance",
    method: "post",
    path: `/internal/endpoints/{name}/${action}`,
    summary,
    description,
    access: "admin",
    pathParameters: endpointName,
    answer: { schema: endpointStateAnswer, description: "What is so afterwards" },
    errors: ["endpoint_not_found", "method_not_allowed"],
  };
}

const maintenance: readonly Operation[] = [
  endpointAction("drain", "Give an endpoint nothing new", "What is under way there goes on to its end."),
  endpointAction("enable", "Use a drained endpoint again", "Does nothing where it was not drained."),
  endpointAction(
    "probe",
    "Ask an endpoint now how it is",
    "Whatever back-off it is in. Waits for the answer.",
  ),
  {
    id: "refreshModels",
    group: "Maintenance",
    method: "post",
    path: "/internal/models/refresh",
    summary: "Read every endpoint's list of models now",
    access: "admin",
    answer: { schema: refreshAnswer, description: "When all have answered or failed" },
    errors: ["method_not_allowed"],
  },
];

const statistics: readonly Operation[] = [
  {
    id: "getModelStatistics",
    group: "Statistics",
    method: "get",
    path: "/internal/stats/models",
    summary: "By model",
    access: "reader",
    query: modelStatisticsParameters,
    answer: { schema: modelStatisticsAnswer, description: "Requests, latencies, clients, routing" },
    errors: ["invalid_request"],
  },
  {
    id: "getKeyStatistics",
    group: "Statistics",
    method: "get",
    path: "/internal/stats/keys",
    summary: "By client key",
    access: "reader",
    answer: { schema: keyStatisticsAnswer, description: "Requests, tokens and latencies of each key" },
  },
  {
    id: "getTranslatorStatistics",
    group: "Statistics",
    method: "get",
    path: "/internal/stats/translators",
    summary: "By the client's API, where not every endpoint knows it",
    access: "reader",
    answer: { schema: translatorStatisticsAnswer, description: "Passed through or translated, and why" },
  },
  {
    id: "getStickyStatistics",
    group: "Statistics",
    method: "get",
    path: "/internal/stats/sticky",
    summary: "Of sticky sessions",
    access: "reader",
    answer: { schema: stickyStatisticsAnswer, description: "Hits, misses and sizes; or that they are off" },
  },
  metrics("getMetrics", "/internal/metrics", "For Prometheus"),
  metrics("getBareMetrics", "/metrics", "The same, with `telemetry.metrics.bare_route`"),
];

function metrics(id: string, path: string, summary: string): Operation {
  const mediaType = "text/plain; version=0.0.4; charset=utf-8";
  const answer = { mediaType, description: "Prometheus' text format" };
  return { id, group: "Statistics", method: "get", path, summary, access: "reader", answer };
}

/** Everything that Olla answers by itself, in the order of the document. */
export const operations: readonly Operation[] = [
  ...status,
  ...requests,
  ...maintenance,
  ...statistics,
  ...modelOperations,
  ...about,
];
