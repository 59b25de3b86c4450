// The menu for signed-in users.

import { callSignedIn, type User } from "./api";
import { useAction } from "./action";
import { leaveFor } from "./leave";

export function Menu({ user }: { user: User | undefined }) {
  const { busy, run } = useAction();
  const here = (path: string) => (location.pathname === path ? "page" : undefined);
  const signOut = () =>
    run(async () => {
      await callSignedIn("POST", "logout");
      leaveFor("/signin");
    });
  return (
    <nav aria-label="Pages">
      <a href="/account" aria-current={here("/account")}>
        Account
      </a>
      {user?.role === "admin" && (
        <a href="/admin" aria-current={here("/admin")}>
          Administration
        </a>
      )}
      <button type="button" class="link" aria-disabled={busy} onClick={signOut}>
        Sign out
      </button>
    </nav>
  );
}
