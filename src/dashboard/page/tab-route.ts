import { useEffect, useState } from "preact/hooks";
import { type TabName, tabs } from "./tabs.tsx";

/** The tab that the address names behind its `#`. */
export function useTab(): readonly [TabName, (tab: TabName) => void] {
  const [tab, setTab] = useState(readTab);
  useEffect(() => {
    const follow = () => setTab(readTab());
    window.addEventListener("hashchange", follow);
    return () => window.removeEventListener("hashchange", follow);
  }, []);
  return [
    tab,
    (next) => {
      setTab(next);
      window.location.hash = next;
    },
  ];
}

function readTab(): TabName {
  const [name] = window.location.hash.slice(1).split("/");
  return tabs.find((tab) => tab.name === name)?.name ?? "overview";
}
