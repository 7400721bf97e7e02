import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

interface BusyButtonProps {
  readonly label: string;
  readonly onClick: () => Promise<void>;
  readonly children: ComponentChildren;
}

/** Takes one press at a time. */
export function BusyButton({ label, onClick, children }: BusyButtonProps) {
  const [isBusy, setBusy] = useState(false);
  return (
    <button
      type="button"
      aria-label={label}
      disabled={isBusy}
      onClick={() => {
        setBusy(true);
        void onClick().finally(() => setBusy(false));
      }}
    >
      {isBusy ? "…" : children}
    </button>
  );
}
