// Administration: overview, users, sign-ups, the invite tree and events. The URL fragment selects the view.

import "./design/data.css";
import { EventLog } from "./admin/event-log";
import { InviteTree } from "./admin/invite-tree";
import { OneUser } from "./admin/one-user";
import { Overview } from "./admin/overview";
import { SignUps } from "./admin/sign-ups";
import { Users } from "./admin/users";
import { AppPage, start } from "./design/page";
import { Skeleton } from "./design/skeleton";
import { t } from "./languages";
import { loadOwnUser } from "./parts/api";
import { useLoaded } from "./parts/loaded";
import { followUserLanguage } from "./parts/user-language";
import { PageLinks, UserMenu } from "./parts/user-menu";
import { useView, ViewLinks } from "./parts/views";

/** The views in the navigation. */
const listed = {
  overview: "admin.overview",
  users: "admin.users",
  "sign-ups": "admin.sign_ups",
  tree: "admin.tree",
  events: "admin.events",
} as const;

const views = { ...listed, user: "admin.user" } as const;

async function load() {
  const user = await loadOwnUser();
  followUserLanguage();
  return user;
}

start(["activity", "admin"], ({ config }) => {
  const { value: user, error } = useLoaded(load);
  const { view, parameters } = useView(views, "overview");
  const isOpen = user?.role === "admin";
  return (
    <AppPage
      config={config}
      title={t(views[view])}
      pages={<PageLinks user={user} />}
      menu={<UserMenu user={user} />}
      views={isOpen && <ViewLinks views={listed} view={view === "user" ? "users" : view} name={t("admin.views")} />}
    >
      {!user && !error && (
        <div class="card">
          <Skeleton lines={6} />
        </div>
      )}
      {!user && error && (
        <p class="message error" role="alert">
          {error.message}
        </p>
      )}
      {user && !isOpen && (
        <p class="message error" role="alert">
          {t("admin.only")}
        </p>
      )}
      {isOpen && (
        <div key={`${view}?${parameters}`}>
          {view === "overview" && <Overview parameters={parameters} />}
          {view === "users" && <Users parameters={parameters} config={config} self={user} />}
          {view === "sign-ups" && <SignUps parameters={parameters} config={config} />}
          {view === "user" && <OneUser id={parameters.get("id") ?? ""} self={user} />}
          {view === "tree" && <InviteTree parameters={parameters} />}
          {view === "events" && <EventLog parameters={parameters} />}
        </div>
      )}
    </AppPage>
  );
});
