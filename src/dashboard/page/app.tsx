import { useEffect, useState } from "preact/hooks";
import { forgetKey, hasKey } from "./api.ts";
import { ConfigBanner } from "./config-banner.tsx";
import { ConfigView } from "./config-view.tsx";
import { Confirmation } from "./confirmation.tsx";
import { EndpointsView } from "./endpoints-view.tsx";
import { FeedBanner } from "./feed-banner.tsx";
import { KeyForm } from "./key-form.tsx";
import { ModelsView } from "./models-view.tsx";
import { Notices } from "./notices.tsx";
import { Overview } from "./overview.tsx";
import { RequestsView } from "./requests-view.tsx";
import { Status } from "./status.tsx";
import { feed, type Knowledge, ollaTime, useKnowledge } from "./store.ts";
import { useTab } from "./tab-route.ts";
import { TabList, type TabName, tabs } from "./tabs.tsx";
import { formatSpan } from "./text.ts";
import { applyTheme, nextTheme, readTheme } from "./theme.ts";

export function App() {
  const knowledge = useKnowledge();
  const [tab, setTab] = useTab();
  const isLocked = knowledge.feed.kind === "locked";
  const isOld = knowledge.feed.kind === "lost" && knowledge.heardAt !== undefined;
  return (
    <>
      <Header knowledge={knowledge} />
      <FeedBanner feed={knowledge.feed} heardAt={knowledge.heardAt} />
      <ConfigBanner config={knowledge.config} />
      {isLocked ? (
        <main>
          <KeyForm />
        </main>
      ) : (
        <>
          <TabList selected={tab} onSelect={setTab} />
          <main class={isOld ? "is-old" : ""}>
            <Panel tab={tab} knowledge={knowledge} />
          </main>
        </>
      )}
      <Confirmation />
      <Notices />
    </>
  );
}

function Panel({ tab, knowledge }: { readonly tab: TabName; readonly knowledge: Knowledge }) {
  const title = tabs.find(({ name }) => name === tab)?.title;
  return (
    <section id={`panel-${tab}`} role="tabpanel" aria-labelledby={`tab-${tab}`}>
      <h1 class="unseen">{title}</h1>
      {viewOf(tab, knowledge)}
    </section>
  );
}

function viewOf(tab: TabName, knowledge: Knowledge) {
  switch (tab) {
    case "overview":
      return <Overview knowledge={knowledge} />;
    case "endpoints":
      return <EndpointsView knowledge={knowledge} />;
    case "models":
      return <ModelsView knowledge={knowledge} />;
    case "requests":
      return <RequestsView knowledge={knowledge} />;
    case "config":
      return <ConfigView canAct={knowledge.canAct} />;
  }
}

function Header({
  knowledge: { system, version, startedAt, feed: state },
}: {
  readonly knowledge: Knowledge;
}) {
  useEffect(() => {
    document.title = state.kind === "lost" ? "Olla (no connection)" : "Olla";
  }, [state.kind]);
  return (
    <header>
      <div class="brand">
        <strong>Olla</strong>
        {version !== undefined && <span class="quiet">{version}</span>}
      </div>
      {system !== undefined && (
        <dl class={state.kind === "lost" ? "strip is-old" : "strip"}>
          <div class="pair">
            <dt class="unseen">Status</dt>
            <dd>
              <Status status={system.status} />
            </dd>
          </div>
          <div class="pair">
            <dt class="unseen">Endpoints</dt>
            <dd>{system.endpoints_up} up</dd>
          </div>
          {startedAt !== undefined && (
            <div class="pair wide-only">
              <dt>running for</dt>
              <dd>{formatSpan(ollaTime() - Date.parse(startedAt))}</dd>
            </div>
          )}
        </dl>
      )}
      <div class="header-actions">
        {hasKey() && (
          <button
            type="button"
            onClick={() => {
              forgetKey();
              feed.reconnect();
            }}
          >
            Forget key
          </button>
        )}
        <ThemeButton />
      </div>
    </header>
  );
}

function ThemeButton() {
  const [theme, setTheme] = useState(readTheme);
  return (
    <button
      type="button"
      aria-label={`Theme: ${theme}`}
      onClick={() => {
        const next = nextTheme(theme);
        applyTheme(next);
        setTheme(next);
      }}
    >
      <span class="wide-only">Theme: </span>
      {theme}
    </button>
  );
}
