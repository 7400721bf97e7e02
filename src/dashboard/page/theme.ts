export type Theme = "auto" | "light" | "dark";
const themeName = "olla-theme";
const themes: readonly Theme[] = ["auto", "light", "dark"];

export function readTheme(): Theme {
  const stored = localStorage.getItem(themeName);
  return themes.find((theme) => theme === stored) ?? "auto";
}

export function nextTheme(theme: Theme): Theme {
  return themes[(themes.indexOf(theme) + 1) % themes.length] ?? "auto";
}

export function applyTheme(theme: Theme): void {
  if (theme === "auto") localStorage.removeItem(themeName);
  else localStorage.setItem(themeName, theme);
  document.documentElement.dataset.theme = theme;
  window.dispatchEvent(new Event("olla-theme"));
}
