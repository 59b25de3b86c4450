// Administration: users, sign-ups, the invite tree and events. The URL fragment selects the view.

import { useEffect, useState } from "preact/hooks";
import { EventLog } from "./admin/event-log";
import { InviteTree } from "./admin/invite-tree";
import { OneUser } from "./admin/one-user";
import { SignUps } from "./admin/sign-ups";
import { Users } from "./admin/users";
import { loadOwnUser } from "./parts/api";
import { useLoaded } from "./parts/loaded";
import { Menu } from "./parts/menu";
import { Page, start } from "./parts/page";

const tabs = { users: "Users", "sign-ups": "Sign-ups", tree: "Invite tree", events: "Events" };

/** Parses the URL fragment: `#users?search=ada` is the view `users` with its parameters. */
function readHash(): [view: string, parameters: URLSearchParams] {
  const [view = "", query = ""] = location.hash.slice(1).split("?");
  return [view || "users", new URLSearchParams(query)];
}

start(({ config }) => {
  const { value: user, error } = useLoaded(loadOwnUser);
  const [[view, parameters], setView] = useState(readHash);
  useEffect(() => {
    const follow = () => setView(readHash());
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);

  const isOpen = user?.role === "admin";
  return (
    <Page config={config} title="Administration" wide menu={<Menu user={user} />}>
      {!user && <p aria-busy={!error}>{error?.message ?? "Loading…"}</p>}
      {user && !isOpen && (
        <p class="message error" role="alert">
          Only admins can see this page.
        </p>
      )}
      {isOpen && (
        <>
          <nav class="tabs" aria-label="Administration">
            {Object.entries(tabs).map(([name, title]) => (
              <a key={name} href={`#${name}`} aria-current={name === view ? "page" : undefined}>
                {title}
              </a>
            ))}
          </nav>
          <div key={`${view}?${parameters}`}>
            {view === "users" && <Users parameters={parameters} config={config} />}
            {view === "sign-ups" && <SignUps parameters={parameters} config={config} />}
            {view === "user" && <OneUser id={parameters.get("id") ?? ""} self={user} />}
            {view === "tree" && <InviteTree parameters={parameters} />}
            {view === "events" && <EventLog parameters={parameters} />}
          </div>
        </>
      )}
    </Page>
  );
});
