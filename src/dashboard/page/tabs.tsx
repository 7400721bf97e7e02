export const tabs = [
  { name: "overview", title: "Overview" },
  { name: "endpoints", title: "Endpoints" },
  { name: "models", title: "Models" },
  { name: "requests", title: "Requests" },
  { name: "config", title: "Config" },
] as const;

export type TabName = (typeof tabs)[number]["name"];

interface TabListProps {
  readonly selected: TabName;
  readonly onSelect: (tab: TabName) => void;
}

/** One stop for the Tab key; arrows, Home and End go from tab to tab. */
export function TabList({ selected, onSelect }: TabListProps) {
  const move = (event: KeyboardEvent) => {
    // Where the focus is, and not what is selected: keys come faster than renderings.
    const at = tabs.findIndex(({ name }) => document.activeElement?.id === `tab-${name}`);
    const target = targetOf(event.key, at);
    if (target === undefined) return;
    event.preventDefault();
    onSelect(target);
    document.getElementById(`tab-${target}`)?.focus();
  };
  return (
    <nav aria-label="Views">
      <div role="tablist" class="tabs" onKeyDown={move}>
        {tabs.map(({ name, title }) => (
          <button
            key={name}
            id={`tab-${name}`}
            type="button"
            role="tab"
            aria-selected={name === selected}
            aria-controls={name === selected ? `panel-${name}` : undefined}
            tabIndex={name === selected ? 0 : -1}
            onClick={() => onSelect(name)}
          >
            {title}
          </button>
        ))}
      </div>
    </nav>
  );
}

function targetOf(key: string, at: number): TabName | undefined {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
  if (step !== undefined) return tabs.at((at + step) % tabs.length)?.name;
  if (key === "Home") return tabs[0].name;
  return key === "End" ? tabs.at(-1)?.name : undefined;
}
