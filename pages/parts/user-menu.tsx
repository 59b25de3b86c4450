// The navigation of signed-in users: the pages, and a menu with who they are and the way out.

import { useAction } from "../design/action";
import { Menu } from "../design/menu";
import { Avatar } from "../design/person";
import { t } from "../languages";
import { callSignedIn, type User } from "./api";
import { leaveFor } from "./leave";

/** The links to the pages that the user can open. */
export function PageLinks({ user }: { user: User | undefined }) {
  const here = (path: string) => (location.pathname === path ? "page" : undefined);
  return (
    <nav aria-label={t("pages")}>
      <a href="/account" aria-current={here("/account")}>
        {t("account")}
      </a>
      {user?.role === "admin" && (
        <a href="/admin" aria-current={here("/admin")}>
          {t("administration")}
        </a>
      )}
    </nav>
  );
}

export function UserMenu({ user }: { user: User | undefined }) {
  const { busy, run } = useAction();
  const signOut = () =>
    run(async () => {
      await callSignedIn("POST", "logout");
      leaveFor("/signin");
    });
  // Also while the user is not known, because the service may have a problem.
  const { name = null, email = "" } = user ?? {};
  return (
    <Menu
      name={user ? t("signed_in_as", { user: name ?? email }) : t("user_menu")}
      look="account"
      label={<Avatar name={name} email={email} />}
    >
      {user && (
        <li class="about">
          {t("signed_in")}
          <strong>{name ?? email}</strong>
          {name && email}
        </li>
      )}
      <li>
        <a href="/account">{t("account")}</a>
      </li>
      <li>
        <button type="button" aria-disabled={busy} onClick={signOut}>
          {t("sign_out")}
        </button>
      </li>
    </Menu>
  );
}
