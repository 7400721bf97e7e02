/** Why there are no buttons. */
export function NoActions({ canAct }: { readonly canAct: boolean }) {
  if (canAct) return null;
  return (
    <p class="hint">
      <span aria-hidden="true">○</span> You can look, but not act: without an admin key only programs on
      Olla’s own machine may. Set server.admin.key to act from here.
    </p>
  );
}
