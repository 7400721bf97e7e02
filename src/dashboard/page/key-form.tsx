import { storeKey } from "./api.ts";
import { feed } from "./store.ts";

/** What a wrong key meets is told by the banner above. */
export function KeyForm() {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const field = document.getElementById("admin-key");
    if (!(field instanceof HTMLInputElement) || field.value === "") return;
    storeKey(field.value);
    feed.reconnect();
  };
  return (
    <form class="card key-form" onSubmit={submit}>
      <h1>Admin key</h1>
      <p>This Olla shows itself to holders of its admin key (server.admin.key) only.</p>
      <label for="admin-key">Key</label>
      <input id="admin-key" type="password" autocomplete="current-password" required />
      <p class="quiet">It stays in this tab and is forgotten when the tab is closed.</p>
      <button type="submit" class="primary">
        Open
      </button>
    </form>
  );
}
