import { formatSpan } from "./text.ts";
import type { ConfigState } from "./wire.ts";

/** Says when the file on disk is not what Olla runs with; nothing while it is. */
export function ConfigBanner({ config }: { readonly config: ConfigState | undefined }) {
  const last = config?.last_reload;
  if (config === undefined || config.is_current || last === undefined) return null;
  return (
    <div class="banner bad" role="alert">
      <p>
        <span aria-hidden="true">▲</span>{" "}
        <strong>
          {config.file ?? "The configuration"} has {last.errors === 1 ? "an error" : `${last.errors} errors`}.
        </strong>{" "}
        What was in force before stays; it was read {formatSpan(Date.now() - Date.parse(last.time))} ago.
        Where the errors are stands under Config and in the log.
      </p>
    </div>
  );
}
